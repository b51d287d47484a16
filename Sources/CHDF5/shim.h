#include <hdf5.h>

// Values that hdf5.h names by macros which call functions.
static inline hid_t hdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t hdf5_bytes(void) { return H5T_NATIVE_UINT8; }
static inline hid_t hdf5_open(const char *path) { return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT); }

// The library prints what goes wrong otherwise.
static inline void hdf5_keep_quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
