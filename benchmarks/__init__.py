"""Side-by-side benchmarks: every result is checked first, then timed next to other libraries.

::

    __main__.py   the command line                 processes.py  one process per peer, asked over a pipe
    groups.py     what each group measures         worker.py     the loop which runs inside those processes
    layers.py     the group conv                   timing.py     rounds over the peers, medians
    cases.py      one layer; the LeNet step        reference.py  float64 checks of what a peer computed,
    networks.py   reads shapes/*.txt               gradients.py  and of its gradients
    targets.py    what fastnn should reach         limits.py     a layer's roofline
    report.py     ratios, geometric means, JSON    render.py, tables.py, columns.py: the text; plot.py: the bar chart
    ops/          one file per family of operators op_groups.py  measures a family; op_tables.py: its text
    peers/        one file per library             shapes/*.txt  convolution layers of real networks

A peer is one way of one library to do the job (``torch`` and ``torch:channels_last`` are two). It lives in a
process of its own, and only one process computes at a time; see `timing`. All imports inside are relative,
since the same files are installed as ``fastnn.benchmarks``.
"""
