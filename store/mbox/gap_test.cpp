#include "store/mbox/gap.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "store/mailbox/file.h"
#include "store/mbox/fake_disk.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

// More than any of these changes takes: a change that never ends fails.
constexpr int steps_max = 1'000;

// An mbox of two numbered lines that stay, one that goes, many that stay, and so on.
struct Lines {
  Scratch scratch;
  std::string path = scratch / "mbox";
  FilePlace reserve{scratch / "reserve"};
  std::string text;
  std::string kept;

  Lines(std::size_t count, std::size_t octets) {
    for (std::size_t i = 0; i < count; ++i) {
      auto line = std::to_string(i) + std::string(octets, static_cast<char>('a' + i % 26)) + "\n";
      text += line;
      if (!is_dropped(i)) kept += line;
    }
    write(text);
    REQUIRE(MboxGap::lay_out(reserve));
  }
  static bool is_dropped(std::size_t i) { return i % 5 == 2; }
  void write(std::string_view content) const { std::ofstream(path) << content; }
  std::string content() const { return read_file(path, 1 << 26)->value_or(""); }
  Descriptor open() const { return Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC)); }

  /// What the gap does; an error if the disk stops.
  Result<void> remove(MboxDisk& disk) const {
    auto file = open();
    MboxGap gap(file.number(), path, reserve, disk);
    bool is_open = false;
    for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
      auto octets = text.find('\n', at) + 1 - at;
      if (is_dropped(i) && !is_open) {
        TRY_DO(gap.open(at, at + octets));
        is_open = true;
      } else if (is_dropped(i)) {
        TRY_DO(gap.replace(octets, ""));
      } else if (is_open) {
        TRY_DO(gap.advance(octets));
      }
      at += octets;
    }
    return gap.close();
  }
  Result<void> recover(MboxDisk& disk) const {
    auto file = open();
    return MboxGap(file.number(), path, reserve, disk).recover();
  }
};

// Loses the payload of one step of all, but not its record, as a power cut may before a sync.
class LossyDisk final : public MboxDisk {
 public:
  LossyDisk(std::string reserve, int step) : reserve_(std::move(reserve)), steps_left_(step) {}
  Result<void> write(int descriptor, std::uint64_t offset, std::string_view bytes,
                     const std::string& path) override {
    if (has_stopped_) return stopped();
    bool is_payload = path == reserve_ && offset % (MboxGap::reserve_bytes / 2) != 0;
    if (is_payload && steps_left_-- == 0) {
      has_lost_ = true;
      return {};
    }
    return MboxDisk::write(descriptor, offset, bytes, path);
  }
  Result<void> truncate(int descriptor, std::uint64_t size, const std::string& path) override {
    return has_stopped_ ? stopped() : MboxDisk::truncate(descriptor, size, path);
  }
  Result<void> sync(int, const std::string&) override {
    has_stopped_ = has_stopped_ || has_lost_;
    return has_stopped_ ? Result<void>(stopped()) : Result<void>();
  }
  Result<void> sync_directory(const FilePlace&) override { return {}; }

 private:
  static Error stopped() { return Error(451, ResponseCode::Unavailable, "the disk has stopped"); }
  std::string reserve_;
  int steps_left_;
  bool has_lost_ = false;
  bool has_stopped_ = false;
};

// Whether the text is the kept lines, all and in order, between others of the original ones.
bool holds_all_kept_once(const Lines& lines, const std::string& content) {
  std::size_t at = 0;
  for (std::size_t begin = 0, i = 0; begin < lines.text.size(); ++i) {
    auto end = lines.text.find('\n', begin) + 1;
    bool is_there = content.compare(at, end - begin, lines.text, begin, end - begin) == 0;
    if (!is_there && !Lines::is_dropped(i)) return false;
    if (is_there) at += end - begin;
    begin = end;
  }
  return at == content.size();
}

}  // namespace

TEST_CASE("wherever the removal of messages in place is cut off, all others are there once") {
  struct Shape {
    std::size_t lines;
    std::size_t octets;
  };
  // Gaps narrower than what is carried at once, and wider.
  for (auto shape : {Shape{12, 10}, Shape{12, 20'000}, Shape{8, 90'000}}) {
    for (int steps = 0;; ++steps) {
      CAPTURE(shape.octets);
      CAPTURE(steps);
      REQUIRE(steps < steps_max);
      Lines lines(shape.lines, shape.octets);
      FakeDisk disk;
      disk.stop_after(steps);
      auto removed = lines.remove(disk);
      MboxDisk& real = FakeDisk::unsynced();
      REQUIRE(lines.recover(real));
      REQUIRE(holds_all_kept_once(lines, lines.content()));
      REQUIRE(lines.recover(real));
      if (removed) {
        CHECK(lines.content() == lines.kept);
        CHECK(steps > 10);
        break;
      }
    }
  }
}

TEST_CASE("a step whose bytes a power cut has lost was not begun: the one before it counts") {
  for (int step = 0;; ++step) {
    CAPTURE(step);
    REQUIRE(step < steps_max);
    Lines lines(12, 3'000);
    LossyDisk disk(lines.reserve.path(), step);
    bool is_removed = bool(lines.remove(disk));
    REQUIRE(lines.recover(FakeDisk::unsynced()));
    REQUIRE(holds_all_kept_once(lines, lines.content()));
    if (is_removed) {
      CHECK(lines.content() == lines.kept);
      CHECK(step > 2);
      break;
    }
  }
}

TEST_CASE("a recovery that is cut off as well, and mail appended between, lose nothing") {
  Lines first(12, 3'000);
  FakeDisk counter;
  REQUIRE(first.remove(counter));
  for (int steps = 1; steps < counter.writes(); ++steps) {
    for (int steps_of_recovery = 0; steps_of_recovery < 30; ++steps_of_recovery) {
      Lines lines(12, 3'000);
      FakeDisk disk;
      disk.stop_after(steps);
      if (lines.remove(disk)) break;
      auto cut_off = lines.content();
      const std::string appended = "appended by another program\n";
      lines.write(cut_off + appended);
      FakeDisk again;
      again.stop_after(steps_of_recovery);
      bool is_done = bool(lines.recover(again));
      REQUIRE(lines.recover(FakeDisk::unsynced()));
      auto content = lines.content();
      CAPTURE(steps);
      CAPTURE(steps_of_recovery);
      REQUIRE(content.ends_with(appended));
      content.resize(content.size() - appended.size());
      REQUIRE(holds_all_kept_once(lines, content));
      if (is_done) break;
    }
  }
}

TEST_CASE("bytes are put in before and behind a gap, wherever that is cut off") {
  const std::string before = "one\ntwo\n" + std::string(70'000, 'x') + "\nGONE GONE GONE\nlast\n";
  const auto gone = before.find("GONE");
  for (int steps = 0;; ++steps) {
    CAPTURE(steps);
    REQUIRE(steps < steps_max);
    Lines lines(1, 1);
    lines.write(before);
    FakeDisk disk;
    disk.stop_after(steps);
    auto change = [&]() -> Result<void> {
      auto file = lines.open();
      MboxGap gap(file.number(), lines.path, lines.reserve, disk);
      TRY_DO(gap.open(gone, gone + 15));
      TRY_DO(gap.retreat(gone - 4));
      CHECK_FALSE(gap.fits(4, std::string(20, 'y')));
      TRY_DO(gap.replace(4, "TWO+\n"));
      TRY_DO(gap.advance(70'001));
      TRY_DO(gap.replace(0, "new\n"));
      return gap.close();
    };
    auto changed = change();
    REQUIRE(lines.recover(FakeDisk::unsynced()));
    auto content = lines.content();
    // Each change is there or not; nothing else is different.
    for (auto [is, was] : {std::pair<std::string, std::string>("TWO+\n", "two\n"),
                           std::pair<std::string, std::string>("\nnew\n", "\n"),
                           std::pair<std::string, std::string>("\nGONE GONE GONE\n", "\n")}) {
      if (auto at = content.find(is); at != std::string::npos) content.replace(at, is.size(), was);
    }
    REQUIRE(content == "one\ntwo\n" + std::string(70'000, 'x') + "\nlast\n");
    if (changed) break;
  }
}

TEST_CASE("a gap in an mbox that another program has rewritten since is forgotten") {
  Lines lines(12, 3'000);
  FakeDisk disk;
  disk.stop_after(6);
  REQUIRE_FALSE(lines.remove(disk));
  lines.write("rewritten, and shorter\n");
  REQUIRE(lines.recover(FakeDisk::unsynced()));
  CHECK(lines.content() == "rewritten, and shorter\n");
  lines.write(lines.text + lines.text);
  REQUIRE(lines.recover(FakeDisk::unsynced()));
  CHECK(lines.content() == lines.text + lines.text);
}

TEST_CASE("mail that comes after the gap was cut off, before it is forgotten, stays") {
  Lines counted(12, 3'000);
  FakeDisk counter;
  REQUIRE(counted.remove(counter));
  Lines lines(12, 3'000);
  FakeDisk disk;
  disk.stop_after(counter.writes() - 2);
  REQUIRE_FALSE(lines.remove(disk));
  REQUIRE(lines.content() == lines.kept);
  auto grown = lines.kept + std::string(lines.text.size(), 'n');
  lines.write(grown);
  REQUIRE(lines.recover(FakeDisk::unsynced()));
  CHECK(lines.content() == grown);
}

TEST_CASE("a gap's record is taken only as it was written") {
  MboxGapRecord record;
  record.sequence = 7;
  record.begin = 10;
  record.end = 30;
  record.size = 100;
  auto text = record.text();
  REQUIRE(MboxGapRecord::parse(text));
  CHECK(MboxGapRecord::parse(text)->end == 30);
  text[text.find(" 30 ") + 1] = '2';
  CHECK_FALSE(MboxGapRecord::parse(text));
  record.end = 101;
  CHECK_FALSE(MboxGapRecord::parse(record.text()));
  CHECK_FALSE(MboxGapRecord::parse(std::string(512, '\0')));
  CHECK_FALSE(MboxGapRecord::parse(""));
}
