# How the code is compiled besides its warnings: optimisation, hardening, sanitizers, coverage.

# -g everywhere: a trace with line numbers from a user's machine is worth the disk.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

# Position independent, frame pointers for profilers, and the hardening that costs nothing one can
# measure. Fortified libc calls need optimisation and would hide bugs from the sanitizers.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_options(-fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection)
add_link_options(-Wl,-z,relro,-z,now)
if(QTL_SANITIZE)
  add_compile_options(-fsanitize=${QTL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${QTL_SANITIZE})
else()
  add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
endif()

if(QTL_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()

# Coverage feedback for libFuzzer in everything; the fuzzers themselves link its main().
if(QTL_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "QTL_FUZZ needs clang: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(QTL_LTO)
  include(CheckIPOSupported)
  check_ipo_supported(LANGUAGES C)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# The release of the program and the benchmarks are optimised across files: an event goes through a
# dozen small ones. gcc writes both kinds of code into its objects, so that the tests are linked from
# the same ones without waiting for that; clang cannot, and does it with QTL_LTO alone.
set(QTL_OPTIMISE_COMPILE "")
set(QTL_OPTIMISE_LINK "")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT QTL_LTO)
  set(QTL_OPTIMISE_COMPILE -flto=auto -ffat-lto-objects)
  set(QTL_OPTIMISE_LINK -flto=auto)
endif()
