# Makes the pair that PatchArchiveTests read, laid out as PCam is published: python3-h5py.
import h5py
import numpy as np

# Patch n is of one colour, [40 n, 10, 200 - n]; odd ones have tumour.
x = np.empty((6, 96, 96, 3), dtype="u1")
for n in range(6):
    x[n] = [40 * n, 10, 200 - n]
with h5py.File("patches_x.h5", "w") as file:
    file.create_dataset("x", data=x, chunks=(2, 96, 96, 3), compression="gzip")
with h5py.File("patches_y.h5", "w") as file:
    file.create_dataset("y", data=(np.arange(6) % 2).astype("u1").reshape(-1, 1, 1, 1))
