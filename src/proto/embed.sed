# A text file -> C string literals, one a line.
s/["\\]/\\&/g
s/.*/"&\\n"/
