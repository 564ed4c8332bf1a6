"""Measuring work between hosts: what ``zmqwork bench run`` is made of.

::

    tasks       what workers run            histogram   how long round trips took
    cases       what is to be measured      crew        who is there, and on which hosts
    course      one measurement, going on   load        the forms: request-reply, map, pipeline
    own         a task of one's own instead
    worth       from which length on a task is worth sending away
    measurement what came of a case         campaign    all cases, one after the other
    report      all that is written down    comparison  two reports side by side
    plot        pictures of a report (matplotlib)
"""
