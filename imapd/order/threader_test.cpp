#include "imapd/order/threader.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;

namespace {

using Algorithm = Threader::Algorithm;

struct Row {
  const char* id;
  std::vector<std::string> references;
  const char* subject;
  std::int64_t date;
};

std::string threads(Algorithm algorithm, const std::vector<Row>& rows) {
  Threader threader(algorithm);
  std::uint32_t number = 0;
  for (const auto& row : rows) {
    Threader::Subject message;
    message.number = ++number;
    message.date = row.date;
    if (*row.id != '\0') message.id = row.id;
    message.references = row.references;
    message.subject = base_subject(row.subject);
    threader.add(message);
  }
  return threader.finish(nullptr);
}

std::string by_references(const std::vector<Row>& rows) {
  return threads(Algorithm::References, rows);
}

}  // namespace

TEST_CASE("replies follow what they answer, siblings by date") {
  CHECK(by_references({}) == "");
  CHECK(
      by_references({{"a", {}, "s", 1}, {"b", {"a"}, "Re: s", 2}, {"c", {"a", "b"}, "Re: s", 3}}) ==
      "(1 2 3)");
  CHECK(by_references({{"a", {}, "s", 1}, {"c", {"a"}, "Re: s", 3}, {"b", {"a"}, "Re: s", 2}}) ==
        "(1 (3)(2))");
  // An answer that came before what it answers.
  CHECK(by_references({{"b", {"a"}, "Re: s", 2}, {"a", {}, "s", 1}}) == "(2 1)");
  CHECK(by_references({{"a", {}, "one", 2}, {"b", {}, "two", 1}}) == "(2)(1)");
}

TEST_CASE("messages that are not there join those that name them, and are no members") {
  CHECK(by_references({{"b", {"a"}, "x", 1}, {"c", {"a"}, "y", 2}}) == "((1)(2))");
  CHECK(by_references({{"b", {"a"}, "x", 1}}) == "(1)");
  CHECK(by_references({{"d", {"a", "b", "c"}, "x", 1}, {"e", {"a"}, "y", 2}}) == "((1)(2))");
  CHECK(by_references({{"a", {}, "s", 1}, {"d", {"a", "b", "c"}, "Re: s", 2}}) == "(1 2)");
}

TEST_CASE("references that lead in a circle make none") {
  CHECK(by_references({{"a", {"b"}, "x", 1}, {"b", {"a"}, "y", 2}}) == "(2 1)");
  CHECK(by_references({{"a", {"a"}, "x", 1}}) == "(1)");
  CHECK(by_references(
            {{"a", {"c", "b"}, "x", 1}, {"b", {"a", "c"}, "y", 2}, {"c", {"b", "a"}, "z", 3}})
            .size() > 6);
}

TEST_CASE("of several messages with one id the first has it") {
  CHECK(by_references({{"a", {}, "x", 1}, {"a", {}, "y", 2}, {"b", {"a"}, "z", 3}}) == "(1 3)(2)");
  CHECK(by_references({{"", {}, "x", 1}, {"", {}, "y", 2}}) == "(1)(2)");
}

TEST_CASE("threads with one subject are joined as RFC 5256 says") {
  // A reply without references goes below what it answers.
  CHECK(by_references({{"a", {}, "s", 1}, {"b", {}, "Re: s", 2}}) == "(1 2)");
  CHECK(by_references({{"b", {}, "Re: s", 1}, {"a", {}, "s", 2}}) == "(2 1)");
  // Two that are no replies, or both are, become siblings.
  CHECK(by_references({{"a", {}, "s", 1}, {"b", {}, "s", 2}}) == "((1)(2))");
  CHECK(by_references({{"a", {}, "Re: s", 1}, {"b", {}, "Re: s", 2}, {"c", {}, "RE: S", 3}}) ==
        "((1)(2)(3))");
  // Two parents that are not there.
  CHECK(by_references({{"a", {"x"}, "s", 1},
                       {"b", {"x"}, "s", 2},
                       {"c", {"y"}, "Re: s", 3},
                       {"d", {"y"}, "s", 4}}) == "((1)(2)(3)(4))");
  CHECK(by_references({{"a", {"x"}, "s", 1}, {"b", {"x"}, "s", 2}, {"c", {}, "s", 3}}) ==
        "((1)(2)(3))");
  CHECK(by_references({{"a", {}, "", 1}, {"b", {}, "", 2}}) == "(1)(2)");
}

TEST_CASE("replies to messages that are not there are joined by their subject, and none is lost") {
  CHECK(by_references(
            {{"b", {"x"}, "Re: s", 1}, {"c", {"y"}, "Re: s", 2}, {"d", {"z"}, "Re: s", 3}}) ==
        "((1)(2)(3))");
}

TEST_CASE("REFS joins nothing by subject, and has the thread with the newest message last") {
  std::vector<Row> rows{{"a", {}, "s", 1}, {"b", {}, "Re: s", 2}, {"c", {"a"}, "Re: s", 3}};
  CHECK(threads(Algorithm::Refs, rows) == "(2)(1 3)");
}

TEST_CASE("ORDEREDSUBJECT has no grandchildren") {
  std::vector<Row> rows{{"", {}, "b", 3},
                        {"", {}, "a", 4},
                        {"", {}, "Re: b", 5},
                        {"", {}, "B", 1},
                        {"", {}, "Re: a", 6}};
  CHECK(threads(Algorithm::OrderedSubject, rows) == "(4 (1)(3))(2 5)");
}

TEST_CASE("a thread of 50,000 generations is made and written, and numbers may be UIDs") {
  Threader threader(Algorithm::References);
  constexpr std::uint32_t count = 50'000;
  std::vector<store::Uid> view;
  for (std::uint32_t i = 1; i <= count; ++i) {
    Threader::Subject message;
    message.number = i;
    message.date = i;
    message.id = std::to_string(i);
    if (i > 1) message.references = {std::to_string(i - 1)};
    threader.add(message);
    view.emplace_back(i + 10);
  }
  auto text = threader.finish(&view);
  CHECK(text.starts_with("(11 12 13 "));
  CHECK(text.ends_with(" 50010)"));
}

TEST_CASE("below ancestors_max ancestors a message is linked only if it has no answers yet") {
  for (std::uint32_t length : {1000u, 1001u}) {
    CAPTURE(length);
    std::vector<std::string> ids;
    for (std::uint32_t i = 0; i < length; ++i) ids.push_back("m" + std::to_string(i));
    std::vector<Row> rows;
    for (std::uint32_t i = 0; i < length; ++i) {
      rows.push_back({ids[i].c_str(), {}, "chain", i});
      if (i > 0) rows.back().references.push_back(ids[i - 1]);
    }
    rows.push_back({"answer", {"late"}, "late", length + 1});
    rows.push_back({"late", {ids.back()}, "late", length});
    auto number = [&](std::uint32_t more) { return std::to_string(length + more); };
    auto between = length > 1000 ? ")(" : " ";
    CHECK(by_references(rows).ends_with(number(0) + between + number(2) + ' ' + number(1) + ')'));
  }
}
