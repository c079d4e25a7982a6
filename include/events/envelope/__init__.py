"""Rules of one event: from the bytes of a batch to lines of the inbox and rejections, without any store."""
