"""What do the stored numbers mean? Pure functions: no I/O, no clock, no database, no state.

``windows`` which stretch of local time holds an instant · ``rollup`` what one window of one series amounts to ·
``coverage`` how much of a window was measured · ``counters`` steps between indexes · ``consumption`` what was consumed
in each window · ``noise`` LAeq, Lday, Levening, Lnight, Lden · ``air`` means under the 75 % rule · ``water`` the lowest
flow of a night · ``parking`` occupancy and turnover out of changes of state · ``plausibility`` what no sensor says.

Everywhere: time is integer milliseconds UTC; input may come in any order and more than once; of several versions of
one instant the latest known counts; what is suspect is counted apart and nothing is thrown away.
"""
