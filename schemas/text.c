/* See text.h. */
#include "schemas/text.h"

#include <string.h>

struct qtl_text qtl_text_of(const char *string)
{
    return (struct qtl_text){string, (uint32_t)strlen(string)};
}

int qtl_text_compare(struct qtl_text left, struct qtl_text right)
{
    const uint32_t common = left.length < right.length ? left.length : right.length;
    const int order = common == 0 ? 0 : memcmp(left.bytes, right.bytes, common);
    if (order != 0) {
        return order;
    }
    return left.length < right.length ? -1 : left.length > right.length;
}
