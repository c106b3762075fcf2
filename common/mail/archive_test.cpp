#include "common/mail/archive.h"

#include <doctest/doctest.h>
#include <zip.h>
#include <fstream>
#include <sstream>

#include "common/base/scratch.h"

using namespace pennypost;

namespace {

/// A zip of files with these contents; a directory for each that is `/`.
std::string zip_of(const std::vector<std::string>& contents, bool is_encrypted = false) {
  Scratch scratch;
  const auto path = scratch / "a.zip";
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  REQUIRE(archive != nullptr);
  for (std::size_t i = 0; i < contents.size(); ++i) {
    auto name = "file" + std::to_string(i);
    if (contents[i] == "/") {
      REQUIRE(zip_dir_add(archive, name.c_str(), 0) >= 0);
      continue;
    }
    auto* source = zip_source_buffer(archive, contents[i].data(), contents[i].size(), 0);
    auto index = zip_file_add(archive, name.c_str(), source, 0);
    REQUIRE(index >= 0);
    if (is_encrypted) {
      REQUIRE(zip_file_set_encryption(archive, static_cast<zip_uint64_t>(index), ZIP_EM_AES_128,
                                      "word") == 0);
    }
  }
  REQUIRE(zip_close(archive) == 0);
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class T>
std::string problem_of(const Result<T>& result) {
  return result ? "" : result.error().text();
}

}  // namespace

TEST_CASE("what gzip packs is unpacked again, also if it has several members") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  auto packed = gzip(text);
  CHECK(packed.size() < text.size() / 3);
  CHECK(is_gzip(packed));
  auto back = gunzip(packed, text.size());
  REQUIRE(back);
  CHECK(*back == text);
  auto both = gunzip(packed + gzip("more"), 10'000'000);
  REQUIRE(both);
  CHECK(*both == text + "more");
  CHECK(*gunzip(gzip(""), 0) == "");
}

TEST_CASE("gzip that is damaged, ends too early or unpacks to too much is refused") {
  auto packed = gzip(std::string(10'000'000, 'x'));
  CHECK(packed.size() < 20'000);
  CHECK(problem_of(gunzip(packed, 9'999'999)) == "it unpacks to more than 9999999 bytes");
  CHECK(problem_of(gunzip(packed.substr(0, packed.size() - 9), 10'000'000)) == "it ends too early");
  auto changed = packed;
  changed[changed.size() - 6] ^= 1;  // of the checksum
  CHECK(problem_of(gunzip(changed, 10'000'000)) == "it is damaged");
  CHECK(problem_of(gunzip("not packed", 10)) == "it is damaged");
  CHECK(problem_of(gunzip("", 10)) == "it ends too early");
}

TEST_CASE("the files of a zip are read, directories are not") {
  auto packed = zip_of({"first", "/", std::string(100'000, 'y')});
  CHECK(is_zip(packed));
  auto files = unzip(packed, 100'005);
  REQUIRE(files);
  CHECK(*files == std::vector<std::string>{"first", std::string(100'000, 'y')});
}

TEST_CASE("a zip that is damaged, encrypted, too large or has too many files is refused") {
  auto packed = zip_of({std::string(10'000'000, 'x'), std::string(10, 'y')});
  CHECK(packed.size() < 50'000);
  CHECK(problem_of(unzip(packed, 10'000'009)) == "it unpacks to more than 9 bytes");
  CHECK(problem_of(unzip(packed, 9'999'999)) == "it unpacks to more than 9999999 bytes");
  CHECK(problem_of(unzip(packed.substr(0, packed.size() / 2), 10'000'010)) == "Not a zip archive");
  auto changed = zip_of({"words that differ"});
  changed[40] ^= 1;  // behind the local header and the name
  CHECK(problem_of(unzip(changed, 100)) != "");
  CHECK(problem_of(unzip(zip_of({"secret"}, true), 100)) == "No password provided");
  CHECK(problem_of(unzip(zip_of(std::vector<std::string>(21, "a")), 100)) ==
        "it has more than 20 files");
  CHECK(problem_of(unzip("", 10)) == "it has no files");
}
