#include "store/maildir/folder_snapshot.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Kept {
  FolderStamps stamps;
  UidList::Mark uidlist;
  FolderState state;

  Kept() {
    stamps.cur.inode = 7;
    stamps.cur.mtime_ns = 1'700'000'000'000'000'000;
    stamps.taken_at_ns = 1'700'000'009'000'000'000;
    stamps.list_again_at_ns = 5;
    uidlist.uid_validity = 1'700'000'000;
    uidlist.next_uid = 9;
    uidlist.last_uid = 8;
    uidlist.count = 3;
    uidlist.read_bytes = 300;
    uidlist.old_version = true;
    uidlist.header_extensions = " Gabc";
    state.uid_validity = uidlist.uid_validity;
    state.uid_next = Uid(9);
    state.highest = ModSeq(44);
    state.keywords = {"$Label1", "later"};
    state.add(Message{Uid(2), Flags(), 0, ModSeq(40)}, "2.a", true);
    state.add(Message{Uid(5), Flags::Seen, 2, ModSeq(44)}, "5.b,S=9:2,Sb", false, 77);
    state.add(Message{Uid(8), Flags::Seen | Flags::Flagged, 0, ModSeq(41)}, "8.c:2,SF", false);
  }
  std::string text() const { return FolderSnapshot::encode(stamps, uidlist, state); }
};

}  // namespace

TEST_CASE("a folder's state comes back as it was kept, to the octets noted and the names") {
  Kept folder;
  auto kept = FolderSnapshot::decode(folder.text());
  REQUIRE(kept);
  CHECK(kept->state.is_same(folder.state));
  CHECK(kept->state.last_uid == Uid(8));
  for (std::size_t i = 0; i < folder.state.messages.size(); ++i) {
    CAPTURE(i);
    CHECK(kept->state.noted_octets(i) == folder.state.noted_octets(i));
    CHECK(kept->state.path(i) == folder.state.path(i));
  }
  CHECK(kept->state.name(2) == "8.c:2,SF");
  CHECK(kept->stamps.cur == folder.stamps.cur);
  CHECK(kept->stamps.fresh == folder.stamps.fresh);
  CHECK(kept->stamps.taken_at_ns == folder.stamps.taken_at_ns);
  CHECK(kept->stamps.list_again_at_ns == 5);
  CHECK(kept->uidlist.next_uid == 9);
  CHECK(kept->uidlist.read_bytes == 300);
  CHECK(kept->uidlist.old_version);
  CHECK_FALSE(kept->uidlist.has_ids);
  CHECK(kept->uidlist.header_extensions == " Gabc");
  CHECK(FolderSnapshot::encode(kept->stamps, kept->uidlist, kept->state) == folder.text());
}

TEST_CASE("the state of a folder without messages comes back, too") {
  Kept folder;
  folder.state = FolderState();
  folder.state.uid_validity = folder.uidlist.uid_validity;
  auto kept = FolderSnapshot::decode(folder.text());
  REQUIRE(kept);
  CHECK(kept->state.is_same(folder.state));
}

TEST_CASE("a state that is cut off, longer, or of UIDs out of order is nothing") {
  Kept folder;
  auto text = folder.text();
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK_FALSE(FolderSnapshot::decode(std::string_view(text).substr(0, bytes)));
  }
  CHECK_FALSE(FolderSnapshot::decode(text + "x"));
  folder.state.messages[1].uid = folder.state.messages[0].uid;
  CHECK_FALSE(FolderSnapshot::decode(folder.text()));
  folder.state.messages[1].uid = Uid(1);
  CHECK_FALSE(FolderSnapshot::decode(folder.text()));
  Kept other;
  other.state.last_uid = Uid(7);
  CHECK_FALSE(FolderSnapshot::decode(other.text()));
}

TEST_CASE("whether cur/ is known depends on its stamp, and on when it was listed") {
  FolderStamps kept;
  CHECK_FALSE(kept.tell_cur_is_known(kept));
  kept.cur.inode = 7;
  kept.cur.mtime_ns = 1'700'000'000'000'000'000;
  kept.taken_at_ns = kept.cur.mtime_ns + 60'000'000'000;
  FolderStamps now = kept;
  CHECK(kept.tell_cur_is_known(now));
  CHECK_FALSE(kept.tell_all_is_known(FolderStamps()));
  ++now.cur.mtime_ns;
  CHECK_FALSE(kept.tell_cur_is_known(now));
  // After a change of our own it is known until that time.
  now = kept;
  kept.list_again_at_ns = kept.taken_at_ns + 10;
  CHECK(kept.tell_cur_is_known(now));
  now.taken_at_ns = kept.list_again_at_ns;
  CHECK_FALSE(kept.tell_cur_is_known(now));
}
