# The warnings, as errors: those that both gcc and clang accept; see CONTRIBUTING.md.
add_library(qtl_warnings INTERFACE)
target_compile_options(qtl_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wvla
  -Wswitch-enum -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion -fno-common
  $<$<BOOL:${QTL_WERROR}>:-Werror>)
