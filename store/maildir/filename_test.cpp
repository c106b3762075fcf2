#include "store/maildir/filename.h"

#include <doctest/doctest.h>

using namespace pennypost::store;

TEST_CASE("file names tell base, sizes and flags") {
  CHECK(base_of("1.a.h,S=3,W=4:2,FS") == "1.a.h,S=3,W=4");
  CHECK(size_in_name("1.a.h,S=3,W=4", 'S') == 3);
  CHECK(size_in_name("1.a.h,S=3,W=4", 'W') == 4);
  CHECK_FALSE(size_in_name("1.a.h,S=x", 'S').has_value());
  CHECK_FALSE(size_in_name("1.aS=3", 'S').has_value());
  CHECK(FilenameFlags::parse("x:2,DFRSTab").flags == Flags(Flags::all_bits));
  CHECK(FilenameFlags::parse("x:2,az").keywords == (1u | 1u << 25));
  CHECK(FilenameFlags::parse("x:1,S").flags.empty());
  CHECK(filename_host("a/b:c,d") == "a\\057b\\072cd");
}
