"""Growth: what a task costs as there is more of something, as curves.

::

    curve     a curve's points, and how it is judged
    catalog   which curves there are
    load      the submitting process of a point
    point     one point: its processes, and their processor time
    report    how curves are told
"""
