"""Running roles: a machine, a loop and the callbacks between them and the user.

A node decides nothing about tasks: it starts and ends, hands over what the user gives it, and
performs the effects that are not about sockets.
"""
