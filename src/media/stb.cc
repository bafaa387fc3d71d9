// The one place where stb_image's code is compiled.

#define STB_IMAGE_IMPLEMENTATION
#include "media/stb.h"
