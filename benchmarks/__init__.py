"""Side-by-side benchmarks: every result is checked first, then timed next to other libraries.

::

    __main__.py   the command line                    timing.py     rounds, medians, one process per peer
    groups.py     what each group measures            worker.py     the loop which runs inside those processes
    cases.py      shapes, inputs, the LeNet step      reference.py  float64 checks of what a peer computed
    report.py     ratios, geometric means, JSON       render.py     the table; plot.py: the bar chart
    peers/        one file per library                shapes/*.txt  convolution layers of real networks

A peer is one way of one library to do the job (``torch`` and ``torch:channels_last`` are two). It lives in a
process of its own, and only one process computes at a time; see `timing`. All imports inside are relative,
since the same files are installed as ``fastnn.benchmarks``.
"""
