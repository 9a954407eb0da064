"""One session that several front ends play: its values, its music and its project file."""
