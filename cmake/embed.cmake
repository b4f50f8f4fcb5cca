# Writes a C file that holds the bytes of another file and a function that returns them.
#   cmake -DINPUT=... -DOUTPUT=... -DHEADER=... -DFUNCTION=... -P embed.cmake
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "(char)0x\\1," bytes "${bytes}")
string(REGEX REPLACE "((\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,)(\\(char\\)0x..,))" "\\1\n" bytes "${bytes}")
get_filename_component(name "${INPUT}" NAME)
file(WRITE "${OUTPUT}" "/* Made from ${name} by cmake/embed.cmake. */
#include \"${HEADER}\"

static const char bytes[] = {
${bytes}
};

struct qtl_text ${FUNCTION}(void)
{
    return (struct qtl_text){bytes, (uint32_t)sizeof(bytes)};
}
")
