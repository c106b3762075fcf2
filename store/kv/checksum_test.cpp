#include "store/kv/checksum.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost::store;

TEST_CASE("CRC-32C gives the test vectors of RFC 3720 appendix B.4") {
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(crc32c(rising) == 0x46dd794eu);
}

TEST_CASE("CRC-32C of two pieces is that of the whole") {
  std::string text = "a message of some length, cut anywhere";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(crc32c(text.substr(cut), crc32c(text.substr(0, cut))) == crc32c(text));
  }
}
