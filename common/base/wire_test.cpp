#include "common/base/wire.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

enum class Colour : std::uint8_t { Red, Blue };
constexpr Colour wire_last(Colour) { return Colour::Blue; }
using Number = Strong<struct NumberTag, std::uint32_t>;

struct Inner {
  std::string text;
  std::optional<std::uint16_t> port;
  template <class Archive>
  void fields(Archive& archive) {
    archive(text, port);
  }
};

struct Outer {
  Colour colour = Colour::Red;
  bool flag = false;
  std::vector<Inner> list;
  Number number{0};
  template <class Archive>
  void fields(Archive& archive) {
    archive(colour, flag, list, number);
  }
};

}  // namespace

TEST_CASE("a message comes back as it was sent") {
  Outer outer;
  outer.colour = Colour::Blue;
  outer.flag = true;
  outer.list = {Inner{"one", 25}, Inner{std::string(70'000, 'x'), {}}};
  outer.number = Number(7);
  auto back = wire::decode<Outer>(wire::encode(outer));
  REQUIRE(back);
  CHECK(back->colour == Colour::Blue);
  CHECK(back->flag);
  CHECK(back->list.size() == 2);
  CHECK(back->list[0].port == 25);
  CHECK(back->list[1].text.size() == 70'000);
  CHECK(back->number == Number(7));
}

TEST_CASE("bytes that are cut short, too long or absurd are an error") {
  Outer outer;
  outer.list = {Inner{"one", 25}};
  std::string bytes = wire::encode(outer);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(wire::decode<Outer>(std::string_view(bytes).substr(0, size)));
  }
  CHECK_FALSE(wire::decode<Outer>(bytes + "x"));
  CHECK_FALSE(wire::decode<Outer>(std::string(6, '\xff')));
}

TEST_CASE("a number that is no value of its enum does not parse") {
  Outer outer;
  outer.colour = static_cast<Colour>(2);
  CHECK_FALSE(wire::decode<Outer>(wire::encode(outer)));
  outer.colour = Colour::Blue;
  CHECK(wire::decode<Outer>(wire::encode(outer)));
}
