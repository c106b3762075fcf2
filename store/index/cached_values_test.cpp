#include "store/index/cached_values.h"

#include <doctest/doctest.h>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("values are found before and after they are written, in any order") {
  Scratch scratch;
  Index index(scratch.path() / "index");
  Index::Folder folder{"guid", 7};
  CachedValues values(&index);
  values.name_folder(folder);
  // More than what is gathered, with gaps.
  for (std::uint32_t uid = 2; uid <= 3010; uid += 2) {
    CHECK_FALSE(values.find(Uid(uid), CacheItem::Envelope).has_value());
    values.add(Uid(uid), CacheItem::Envelope, "envelope " + std::to_string(uid));
    values.add_number(Uid(uid), CacheItem::Octets, uid);
    CHECK(values.find_number(Uid(uid), CacheItem::Octets) == uid);
  }
  CHECK(index.cached(folder, Uid(2), CacheItem::Envelope) == "envelope 2");
  CHECK_FALSE(index.cached(folder, Uid(3010), CacheItem::Envelope).has_value());
  values.flush();
  CHECK(index.cached(folder, Uid(3010), CacheItem::Envelope) == "envelope 3010");

  CachedValues others(&index);
  others.name_folder(folder);
  for (std::uint32_t uid = 1; uid <= 3009; ++uid) {
    auto found = others.find(Uid(uid), CacheItem::Envelope);
    if (uid % 2 == 1) CHECK_FALSE(found.has_value());
    if (uid % 2 == 0) CHECK(found == "envelope " + std::to_string(uid));
  }
  for (std::uint32_t uid = 3000; uid >= 2; uid -= 200) {
    CHECK(others.find_number(Uid(uid), CacheItem::Octets) == uid);
  }
}

TEST_CASE("without an index there are no values, and none are kept") {
  CachedValues values(nullptr);
  values.add(Uid(1), CacheItem::Envelope, "x");
  CHECK_FALSE(values.find(Uid(1), CacheItem::Envelope).has_value());
  values.flush();
}

TEST_CASE("the values of expunged messages go, one by one or in ranges") {
  Scratch scratch;
  Index index(scratch.path() / "index");
  Index::Folder folder{"guid", 7};
  std::vector<Index::State> states;
  std::vector<Index::Value> values;
  for (std::uint32_t uid = 1; uid <= 200; ++uid) {
    states.push_back(Index::State{Uid(uid), Flags::Seen, 0, ModSeq(0)});
    values.push_back(Index::Value{Uid(uid), CacheItem::Header, "h"});
  }
  index.settle(folder, states, {}, ModSeq(0));
  index.cache(folder, values);
  std::vector<Uid> gone{Uid(3)};
  for (std::uint32_t uid = 50; uid < 150; ++uid) gone.emplace_back(uid);
  std::vector<Index::State> none;
  index.settle(folder, none, gone, ModSeq(0));
  CHECK(index.states(folder).size() == 99);
  auto left = index.cached_from(folder, CacheItem::Header, Uid(1), 1000, 1 << 20);
  CHECK(left.size() == 99);
  CHECK(left[2].uid == Uid(4));
  CHECK(left[48].uid == Uid(150));
}

TEST_CASE("a folder's state is kept in parts, and given back whole") {
  Scratch scratch;
  Index index(scratch.path() / "index");
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i);
  index.keep_state("/mail/a", text);
  index.keep_state("/mail/ab", "other");
  CHECK(index.state("/mail/a") == text);
  index.keep_state("/mail/a", "short");
  CHECK(index.state("/mail/a") == "short");
  index.keep_state("/mail/a", std::string(Index::state_bytes_max + 1, 'x'));
  CHECK(index.state("/mail/a").empty());
  CHECK(index.state("/mail/ab") == "other");
}

TEST_CASE("a value of more than a mebibyte is not kept") {
  Scratch scratch;
  Index index(scratch.path() / "index");
  Index::Folder folder{"guid", 7};
  std::vector<Index::Value> values{
      {Uid(1), CacheItem::Header, std::string(1 << 20, 'x')},
      {Uid(2), CacheItem::Header, std::string((1 << 20) + 1, 'x')},
  };
  index.cache(folder, values);
  CHECK(index.cached(folder, Uid(1), CacheItem::Header) == values[0].text);
  CHECK_FALSE(index.cached(folder, Uid(2), CacheItem::Header));
}
