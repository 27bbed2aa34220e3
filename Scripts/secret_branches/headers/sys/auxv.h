// As much of Linux as the kernels use.
#pragma once
#define AT_HWCAP 16

unsigned long getauxval(unsigned long kind);
