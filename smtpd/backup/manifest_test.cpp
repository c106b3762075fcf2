#include "smtpd/backup/manifest.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

BackupItem file_item(const std::string& path) {
  BackupItem item;
  item.mode = 0640;
  item.uid = 12;
  item.gid = 34;
  item.user = "mail";
  item.path = path;
  item.size = 5;
  item.mtime_ns = 1'700'000'000'123'456'789;
  item.device = 7;
  item.inode = 8;
  item.digest = "abcd";
  return item;
}

std::string written(const Scratch& scratch, bool is_finished) {
  std::string file = scratch / "manifest";
  BackupHost host{"h", "/etc/p", "/run/p", "/spool", {{"bob", "mbox", "/home/bob/mail", "/m/bob"}}};
  auto writer = ManifestWriter::create(file, host);
  REQUIRE(writer);
  writer->add(file_item("/a b\t%\nc"));
  BackupItem link;
  link.kind = BackupItem::Kind::Link;
  link.path = "/l";
  link.target = "../x";
  writer->add(link);
  if (is_finished) REQUIRE(writer->finish());
  return file;
}

}  // namespace

TEST_CASE("a list of a backup comes back as it was written, whatever characters a name has") {
  Scratch scratch;
  auto read = Manifest::read(written(scratch, true));
  REQUIRE(read);
  CHECK(read->is_complete);
  CHECK(read->host.queue_directory == "/spool");
  REQUIRE(read->host.accounts.size() == 1);
  CHECK(read->host.accounts[0].inbox == "/m/bob");
  REQUIRE(read->items.size() == 2);
  CHECK(read->items[0].path == "/a b\t%\nc");
  CHECK(read->items[0].mode == 0640);
  CHECK(read->items[0].mtime_ns == 1'700'000'000'123'456'789);
  CHECK(read->items[1].target == "../x");
}

TEST_CASE("a list that was interrupted has its whole lines, and is not complete") {
  Scratch scratch;
  std::string file = written(scratch, false);
  std::ofstream(file, std::ios::app) << "f\t640\t12";
  auto read = Manifest::read(file);
  REQUIRE(read);
  CHECK_FALSE(read->is_complete);
  CHECK(read->items.size() == 2);
}

TEST_CASE("a list with a line that can't be right is refused with its number") {
  Scratch scratch;
  for (const char* line : {"f\t640\t1\t1\t\t\t/a\t5\t1\t1\n", "d\t9\t1\t1\t\t\t/a\n", "what\n",
                           "d\t755\t1\t1\t\t\t/a/../../b\n", "d\t755\t1\t1\t\t\ta\n", "end\t7\n",
                           "l\t777\t1\t1\t\t\t/a%1\tx\n"}) {
    CAPTURE(line);
    std::string file = written(scratch, false);
    std::ofstream(file, std::ios::app) << line;
    auto read = Manifest::read(file);
    REQUIRE_FALSE(read);
    CHECK(read.error().text().find("manifest:9: damaged") != std::string::npos);
  }
  std::ofstream(scratch / "manifest") << "pennypost-backup\t2\n";
  CHECK_FALSE(Manifest::read(scratch / "manifest"));
}
