from __future__ import annotations

import socket

from include.services.processes.ports import choose_port, is_free


class TestIsFree:
    def test_should_say_no_when_somebody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert not is_free(listener.getsockname()[1])


class TestChoosePort:
    def test_should_take_the_usual_port_when_it_is_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            usual = listener.getsockname()[1]
        assert choose_port(usual) == usual

    def test_should_take_another_port_when_the_usual_one_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            usual = listener.getsockname()[1]
            chosen = choose_port(usual)
            assert (chosen != usual, is_free(chosen)) == (True, True)

    def test_should_take_another_port_when_the_usual_one_is_promised(self) -> None:
        usual = choose_port(0)
        assert choose_port(usual, avoid=(usual,)) != usual
