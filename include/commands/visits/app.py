"""The group ``visits`` put together."""

from __future__ import annotations

import typer

from include.commands.visits import (
    approve_drift,
    demo,
    evaluate,
    import_model,
    label,
    report,
    train,
    what_if,
    what_if_apply,
    what_if_list,
)

app = typer.Typer(help="Labels of visits, and the models that learn from them.", no_args_is_help=True)
app.command("import-model")(import_model.import_model)
app.command("what-if")(what_if.what_if)
app.command("what-if-list")(what_if_list.what_if_list)
app.command("what-if-apply")(what_if_apply.what_if_apply)
app.command("report")(report.report)
app.command("approve-drift")(approve_drift.approve_drift)
app.command("label")(label.label)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("demo")(demo.demo)
