"""Origins: what files say of what made them, how it is written into them, and how it is read again.

origin      what is said, and where it is in force
edits       changes of a file that say or unsay it; nothing else of the file changes
xmp         the packet that other programs read
png, jpeg, riff, tiff, gif, flac, ogg, midi     where each format has a place for it
files       the formats together; a file of another format has one beside it
claims      C2PA, signed
"""
