#include "store/maildir/folder_state.h"

#include <doctest/doctest.h>

#include "store/maildir/listing.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

Message message(std::uint32_t uid, Flags flags = {}, KeywordSet keywords = 0) {
  return Message{Uid(uid), flags, keywords, ModSeq(uid)};
}

std::vector<Uid> uids(std::initializer_list<std::uint32_t> numbers) {
  std::vector<Uid> out;
  for (auto number : numbers) out.emplace_back(number);
  return out;
}

}  // namespace

TEST_CASE("names come back as they were, and follow the flags") {
  FolderState state;
  state.add(message(1), "1.a", true);
  state.add(message(2), "2.b,W=9:2,", false);
  state.add(message(3, Flags::Seen | Flags::Flagged, 5), "3.c:2,FSac", false);
  state.add(message(4, Flags::Seen), "4.d:2,PS", false, 77);
  CHECK(state.path(0) == "new/1.a");
  CHECK(state.path(1) == "cur/2.b,W=9:2,");
  CHECK(state.name(2) == "3.c:2,FSac");
  CHECK(state.name(3) == "4.d:2,PS");
  CHECK(state.octets(1) == 9);
  CHECK(state.octets(3) == 77);
  CHECK_FALSE(state.octets(0).has_value());

  state.messages[2].flags = Flags::Seen;
  state.rename(2, "3.c:2,Sac", false);
  CHECK(state.name(2) == "3.c:2,Sac");
  state.rename(3, "4.d:2,PRS", false);
  CHECK(state.name(3) == "4.d:2,PRS");
  state.rename(3, "4.d:2,S", false);
  CHECK(state.name(3) == "4.d:2,S");
  auto gone = uids({1, 3});
  state.erase(gone);
  REQUIRE(state.messages.size() == 2);
  CHECK(state.name(0) == "2.b,W=9:2,");
  CHECK(state.name(1) == "4.d:2,S");
  CHECK(state.octets(1) == 77);
  CHECK(state.index_of(Uid(4)) == 1);
  CHECK_FALSE(state.index_of(Uid(3)).has_value());
}

TEST_CASE("the octets noted of a message are no other's, whatever comes or goes") {
  FolderState state;
  state.add(message(1), "1.a", false);
  state.add(message(2), "2.b", false);
  state.note_octets(1, 77);
  state.add(message(3), "3.c", false);
  state.add(message(4), "4.d", false, 99);
  auto octets = [&] {
    std::vector<std::uint32_t> all;
    for (std::size_t i = 0; i < state.messages.size(); ++i) all.push_back(state.noted_octets(i));
    return all;
  };
  CHECK(octets() == std::vector<std::uint32_t>{0, 77, 0, 99});
  CHECK_FALSE(state.octets(2).has_value());
  auto gone = uids({1, 3});
  state.erase(gone);
  CHECK(octets() == std::vector<std::uint32_t>{77, 99});
  state.note_octets(0, std::uint64_t{1} << 32);
  CHECK(octets() == std::vector<std::uint32_t>{77, 99});
}

TEST_CASE("names that nobody uses any more take no room for ever") {
  FolderState state;
  std::vector<Uid> most;
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    state.add(message(i), std::to_string(i) + ".a-rather-long-name-of-a-file.example.org:2,",
              false);
    if (i % 100 != 0) most.emplace_back(i);
  }
  auto before = state.bytes();
  state.erase(most);
  CHECK(state.bytes() < before);
  CHECK(state.messages.size() == 10);
  CHECK(state.name(9) == "1000.a-rather-long-name-of-a-file.example.org:2,");
}

TEST_CASE("a message costs 32 bytes and its name") {
  FolderState state;
  state.reserve(1000, 1000 * 8);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    state.add(message(i + 1), std::to_string(1000000 + i) + "x:2,", false);
  }
  CHECK(state.bytes() <= sizeof(FolderState) + 1000 * (32 + 8));
}

TEST_CASE("changes that follow each other are told as one") {
  Changes changes;
  changes.added = uids({4, 5});
  changes.flags = uids({1, 2});
  Changes next;
  next.added = uids({6});
  next.flags = uids({2, 3, 4});
  next.expunged = uids({1, 5});
  follow(changes, next);
  CHECK(changes.added == uids({4, 6}));
  CHECK(changes.flags == uids({2, 3}));
  CHECK(changes.expunged == uids({1}));
}

TEST_CASE("a listing has each base name once, however often it is seen") {
  Listing listing(0);
  for (int i = 0; i < 100; ++i) listing.add(std::to_string(i) + ".x", true);
  listing.add("7.x:2,S", false);
  listing.add("7.x:2,FS", false);
  CHECK(listing.files().size() == 100);
  auto* file = listing.find("7.x");
  REQUIRE(file != nullptr);
  CHECK(listing.name(*file) == "7.x:2,FS");
  CHECK_FALSE(file->in_new);
  CHECK(listing.find("100.x") == nullptr);
  listing.find("3.x")->uid = Uid(1);
  auto rest = listing.without_uid();
  CHECK(rest.size() == 99);
  CHECK(listing.base(*rest.front()) == "0.x");
  CHECK(listing.base(*rest[9]) == "10.x");
}
