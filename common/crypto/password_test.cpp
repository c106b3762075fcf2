#include "common/crypto/password.h"

#include <doctest/doctest.h>

#include "common/crypto/scram.h"

using namespace pennypost;

TEST_CASE("a password fits the form made of it, and no other password does") {
  auto stored = hash_password(Secret("pencil"));
  REQUIRE(stored);
  CHECK(stored->starts_with("{ARGON2ID}$argon2id$"));
  CHECK(*verify_password(Secret("pencil"), *stored));
  CHECK_FALSE(*verify_password(Secret("Pencil"), *stored));
  CHECK_FALSE(verify_nothing(Secret("pencil")));
}

TEST_CASE("other programs' forms are understood") {
  struct Row {
    const char* stored;
    bool fits;
  };
  for (const auto& row :
       {Row{"{PLAIN}pencil", true}, Row{"{PLAIN}Pencil", false}, Row{"{plain}pencil", true},
        Row{"{SHA512-CRYPT}$6$saltsalt$rD9fW1BwIrjB90WCgCTdIQc3phTBhf04I6Iw/"
            "XlgKD9E9aEbzqGZipjiFxGo/4wWXDA6jV6/vZO.kKdDSfUJb0",
            true},
        Row{"$1$salt$J1PqSTZGFL2Db3AIeaGdZ0", true},
        Row{"$1$salt$J1PqSTZGFL2Db3AIeaGdZ1", false}}) {
    CAPTURE(row.stored);
    auto fits = verify_password(Secret("pencil"), row.stored);
    REQUIRE(fits);
    CHECK(*fits == row.fits);
  }
  CHECK(*verify_password(Secret("pencil"),
                         "{SCRAM-SHA-256}" + ScramKeys::derive(Secret("pencil")).text()));
  CHECK_FALSE(verify_password(Secret("pencil"), "{NTLM}0123"));
}

TEST_CASE("an empty or endless password never fits") {
  CHECK_FALSE(*verify_password(Secret(""), "{PLAIN}"));
  CHECK_FALSE(hash_password(Secret("")));
  CHECK_FALSE(hash_password(Secret(std::string(5000, 'x'))));
}

TEST_CASE("SCRAM keys survive their text form, malformed text is refused") {
  auto keys = ScramKeys::derive(Secret("pencil"));
  auto back = ScramKeys::parse(keys.text());
  REQUIRE(back);
  CHECK(back->fits(Secret("pencil")));
  CHECK_FALSE(back->fits(Secret("pen")));
  for (const char* text : {"", "4096,AAAA", "0,AAAA,AAAA,AAAA", "4096,AAAA,AAAA,AAAA"}) {
    CHECK_FALSE(ScramKeys::parse(text));
  }
}

TEST_CASE("a password of crypt(3) does not end at a NUL") {
  // "secret", hashed with the salt "salt".
  const std::string stored = "{MD5-CRYPT}$1$salt$ez2vlPGdaLYkJam5pWs/Y1";
  CHECK(*verify_password(Secret("secret"), stored));
  CHECK_FALSE(*verify_password(Secret(std::string("secret\0x", 8)), stored));
}
