# The only file that an idea may change.
x=10
y=-5
halve=no
