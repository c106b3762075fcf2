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
        // Made by doveadm pw.
        Row{"{SSHA}m7XPlXb2M/yt0XfJ8Cl4EPDVzP0xMjM0", false},
        Row{"{SSHA}qErS8cA2bZOJitIIJDRkm7+cqpHq0G4k", true},
        Row{"{SSHA256}851ZqInNoSY8KTavlDk3tMWAF65pQvW+cca2cwBL6aK2lwC5", true},
        Row{"{SSHA512}xQw/Gw9jclXcqGmV1OsWqkHZlqv34Hd4UQ5HqP1RebxGWs0bucQHKdbjofyTIXrwaR"
            "M6oQPgTY2+mvZJeR2He7OE6dE=",
            true},
        Row{"{SSHA512.HEX}08b9026392c9552e2d3b8cf839c7df150b5f676fed87cb7ba1c55aac61ce55"
            "aa89de9cd138ed11094c5446855c2cc83c193e5f996fc69db6700201617bdb357957740972",
            true},
        Row{"{SMD5}vR6IJ6FBViPqaWACcwjksrkwByE=", true},
        Row{"{SHA}0vxRJJChUDZGC1SJQBQ51tpUB/o=", true},
        Row{"{SHA1}0vxRJJChUDZGC1SJQBQ51tpUB/o=", true},
        Row{"{SHA256}E4CWaPtDY4Zwb2fcsFLtWEoEuhaowCoX1m00ww/O2iE=", true},
        Row{"{SHA512}Gd8Bqrgo+NUINrp1cJcTrtInM1344YZDkYXAbJF6Kn03cat24wfPo7a4nvGmaC1mgd3"
            "xGISHDl3hPnk/uVXu6w==",
            true},
        Row{"{LDAP-MD5}qPaDC855Copn/C6E4SCTug==", true},
        Row{"{PLAIN-MD5}a8f6830bce790a8a67fc2e84e12093ba", true},
        Row{"{PBKDF2}$1$OjLZP1.91BbdIi.j$5000$24e5a26afe7e13d329e2eb4bfc3fcc7f8a0ee857", true},
        Row{"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$axOVhNIQfjXp/ylZm6o3Tw$xwreKthsyZ/52"
            "CRK5TpJQlg9jaaduougzwidzdxV0Ek",
            true},
        Row{"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$eaacbOul6rrwV0zoWX6BXA$DzAEMLP1Hez"
            "zB1TElcEYFzqmhv6azaDsJ5PyOR6UtK0",
            true},
        Row{"{SHA512-CRYPT}$6$zwKs37mVsN6RkfgC$LVecFbw2iN.TpLcv8xy3ct40DPx6wAshsIjsGlTvU"
            "8jkqLDgDj91o2Qe3fluIC23lENsoExrgsM1GdMdgsUyo0",
            true},
        Row{"{SHA256-CRYPT}$5$U6V63bV7yPC7dvIi$e5GtFXpauqgTFHsrLenxX7kt0Rpy3O8pVJLT4b46L"
            "A5",
            true},
        Row{"{MD5-CRYPT}$1$o8FBoekl$cXwJ9SA3PKyHdIj.P3hU10", true},
        Row{"{MD5}$1$lvcArKfb$oFSNqfb5/geZug4bTp2Rd0", true},
        Row{"{BLF-CRYPT}$2y$05$nsqE02Yjx.AytA5BFVXwj.viS1uCfBH6/KP.zWdPFLRc.f/E5rzbO", true},
        Row{"{DES-CRYPT}Vy7qukEj25PKk", true},
        Row{"{SCRAM-SHA-256}4096,gGq9/kMLPoYZbngyidkAXQ==,icjAqxm162BE7dfSuyShYeEgd0u/fb"
            "p+TZxX5ia6d+g=,G3+c1OT10wTfnFemE93990IKjAfru3PDvUUH+NVBtjQ=",
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
  for (const char* malformed :
       {"{SSHA}", "{SSHA}bTdYcMVYJ+8ol0xS4jbMFIXy6VM=", "{SHA256}AAAA", "{PLAIN-MD5}zz",
        "{PBKDF2}$1$salt$0$00", "{PBKDF2}$2$salt$1$0000000000000000000000000000000000000000",
        "{PBKDF2}$1$salt$99999999$0000000000000000000000000000000000000000", "{SSHA.oct}AAAA"}) {
    CAPTURE(malformed);
    CHECK_FALSE(verify_password(Secret("pencil"), malformed));
  }
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

TEST_CASE("each scheme that can be made verifies, and only argon2id counts as such") {
  for (auto scheme : password_schemes()) {
    CAPTURE(scheme);
    auto made = hash_password_as(Secret("pencil"), scheme);
    REQUIRE(made);
    CHECK(made->starts_with("{" + std::string(scheme) + "}"));
    CHECK(*verify_password(Secret("pencil"), *made));
    CHECK_FALSE(*verify_password(Secret("Pencil"), *made));
    CHECK(is_argon2id(*made) == (scheme == "ARGON2ID"));
  }
  CHECK_FALSE(hash_password_as(Secret("pencil"), "NTLM"));
  CHECK_FALSE(hash_password_as(Secret(" pencil"), "PLAIN"));
  CHECK_FALSE(hash_password_as(Secret(""), "SSHA"));
  CHECK_FALSE(is_argon2id("{ARGON2I}$argon2i$v=19$m=1,t=1,p=1$AA$AA"));
  CHECK(is_argon2id("$argon2id$v=19$m=1,t=1,p=1$AA$AA"));
}
