#pragma once
// What the PNG functions share among themselves.
#include "patch_png.h"
#include <stdarg.h>
#include <stdio.h>


static inline uint32_t patch_png_big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline struct patch_png_report patch_png_ok(void) {
    struct patch_png_report report;
    report.status = PATCH_PNG_OK;
    report.message[0] = 0;
    return report;
}

__attribute__((format(printf, 2, 3))) static inline struct patch_png_report
patch_png_refuse(enum patch_png_status status, const char *format, ...) {
    struct patch_png_report report;
    report.status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report.message, sizeof report.message, format, arguments);
    va_end(arguments);
    return report;
}
