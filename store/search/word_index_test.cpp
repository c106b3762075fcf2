#include "store/search/word_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "store/search/xapian_errors.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

namespace fs = std::filesystem;

constexpr WordPlace body[] = {WordPlace::Body};
const WordFolder inbox{"id1", 7};

TermTable terms_of(std::string_view text) {
  TermTable table;
  WordCutter cutter(table, WordPlace::Body);
  cutter.feed(text);
  cutter.end_text();
  return table;
}

std::vector<Uid> uids(std::initializer_list<std::uint32_t> numbers) {
  std::vector<Uid> out;
  for (auto number : numbers) out.emplace_back(number);
  return out;
}

// Puts messages of a folder into the index: UID and text; those before that are not named have
// gone.
void put(const std::string& directory, const WordFolder& folder,
         const std::vector<std::pair<std::uint32_t, std::string>>& messages) {
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  std::vector<Uid> all;
  for (const auto& [uid, text] : messages) all.emplace_back(uid);
  auto missing = (*writer)->begin(folder, all);
  REQUIRE(missing);
  for (const auto& [uid, text] : messages) {
    if (std::ranges::find(*missing, Uid(uid)) == missing->end()) continue;
    REQUIRE((*writer)->add(Uid(uid), terms_of(text), text.ends_with("...")));
  }
  REQUIRE((*writer)->commit());
}

// The UIDs of the messages that may hold a text.
std::vector<std::uint32_t> holders(const std::string& directory, const WordFolder& folder,
                                   std::string_view needle,
                                   std::span<const WordPlace> places = body) {
  auto reader = WordReader::open(directory);
  REQUIRE(reader);
  REQUIRE(*reader);
  REQUIRE((*reader)->choose(folder));
  auto may = (*reader)->may_hold(needle, places);
  REQUIRE(may);
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < may->size(); ++i) {
    if ((*may)[i]) out.push_back((*reader)->entries()[i].uid.value());
  }
  return out;
}

}  // namespace

TEST_CASE("the index names the messages that may hold a text, and those that were cut") {
  Scratch scratch;
  auto directory = scratch / "words";
  CHECK_FALSE(has_words(directory));
  put(directory, inbox,
      {{3, "the green house"}, {5, "a greenhouse"}, {2000, "nothing"}, {2001, "cut short..."}});
  using List = std::vector<std::uint32_t>;
  CHECK(holders(directory, inbox, "green") == List{3, 5, 2001});
  CHECK(holders(directory, inbox, "green house") == List{3, 2001});
  CHECK(holders(directory, inbox, " the ") == List{3, 2001});
  CHECK(holders(directory, inbox, "enho") == List{5, 2001});
  CHECK(holders(directory, inbox, "absent") == List{2001});
  CHECK(holders(directory, inbox, "-") == List{3, 5, 2000, 2001});
}

TEST_CASE("folders and UIDVALIDITYs are kept apart, and what has gone is forgotten") {
  Scratch scratch;
  auto directory = scratch / "words";
  const WordFolder other{"id2", 7};
  const WordFolder anew{"id1", 8};
  using List = std::vector<std::uint32_t>;
  put(directory, inbox, {{1, "one"}, {2, "two"}, {1500, "three"}});
  put(directory, other, {{1, "two"}});
  CHECK(holders(directory, inbox, "two") == List{2});
  CHECK(holders(directory, other, "two") == List{1});
  CHECK(holders(directory, anew, "two").empty());
  put(directory, inbox, {{1, "one"}, {1500, "three"}, {1501, "two"}});
  CHECK(holders(directory, inbox, "two") == List{1501});
  put(directory, anew, {{2, "two"}});
  CHECK(holders(directory, anew, "two") == List{2});
  CHECK(holders(directory, inbox, "two").empty());
  CHECK(holders(directory, other, "two") == List{1});
}

TEST_CASE("what was not committed is not there, and one writer keeps another out") {
  Scratch scratch;
  auto directory = scratch / "words";
  put(directory, inbox, {{1, "one"}});
  {
    auto writer = WordWriter::open(directory);
    REQUIRE(writer);
    REQUIRE((*writer)->begin(inbox, uids({1, 2})));
    REQUIRE((*writer)->add(Uid(2), terms_of("one more"), false));
    auto second = WordWriter::open(directory);
    REQUIRE_FALSE(second);
    CHECK(second.error().response_code() == ResponseCode::InUse);
  }
  CHECK(holders(directory, inbox, "one") == std::vector<std::uint32_t>{1});
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  CHECK(*(*writer)->begin(inbox, uids({1, 2})) == uids({2}));
}

TEST_CASE("a damaged index is an error, never an answer") {
  Scratch scratch;
  auto directory = scratch / "words";
  put(directory, inbox, {{1, "one"}});
  SUBCASE("its head is lost") { std::ofstream(directory + "/iamglass") << "nothing"; }
  SUBCASE("its tree is lost") { fs::resize_file(directory + "/postlist.glass", 100); }
  SUBCASE("its tree is gone") { fs::remove(directory + "/postlist.glass"); }
  auto reader = WordReader::open(directory);
  auto worked = reader && *reader && (*reader)->choose(inbox) && (*reader)->may_hold("one", body);
  CHECK_FALSE(worked);
  if (!reader) CHECK(reader.error().response_code() == ResponseCode::Corruption);
  discard_words(directory);
  CHECK_FALSE(has_words(directory));
  put(directory, inbox, {{1, "one"}});
  CHECK(holders(directory, inbox, "one") == std::vector<std::uint32_t>{1});
}

TEST_CASE("an index that is mostly of what has gone is made anew") {
  Scratch scratch;
  auto directory = scratch / "words";
  std::vector<std::pair<std::uint32_t, std::string>> many;
  for (std::uint32_t uid = 1; uid <= 1100; ++uid) many.emplace_back(uid, "word");
  put(directory, inbox, many);
  put(directory, inbox, {{1100, "word"}});
  // Nothing is in it but that one, or nothing.
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  CHECK(*(*writer)->begin(inbox, uids({1100})) == uids({1100}));
}

TEST_CASE("an index written anew answers the same and is no larger") {
  Scratch scratch;
  auto directory = scratch / "words";
  for (std::uint32_t uid = 1; uid <= 5; ++uid) {
    put(directory, {"id" + std::to_string(uid), 1}, {{uid, "word" + std::to_string(uid)}});
  }
  auto size = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(directory)) bytes += entry.file_size();
    return bytes;
  };
  auto before = size();
  REQUIRE(optimize_words(directory));
  CHECK(size() <= before);
  CHECK(fs::directory_iterator(scratch.path()) != fs::directory_iterator());
  CHECK_FALSE(fs::exists(directory + ".old"));
  CHECK(holders(directory, {"id3", 1}, "ord3") == std::vector<std::uint32_t>{3});
  put(directory, {"id3", 1}, {{3, ""}, {4, "more words"}});
  CHECK(holders(directory, {"id3", 1}, "words") == std::vector<std::uint32_t>{4});
}

TEST_CASE("a search by words finds what is spelt nearly so, the best first") {
  Scratch scratch;
  auto directory = scratch / "words";
  put(directory, inbox,
      {{1, "invoice"},
       {2, "invioce for you"},
       {3, "invoices"},
       {4, "other text"},
       {5, "in voice"}});
  auto reader = WordReader::open(directory);
  REQUIRE(reader);
  REQUIRE((*reader)->choose(inbox));
  auto scores = (*reader)->relevancy("invoice", body);
  REQUIRE(scores);
  REQUIRE(scores->size() == 5);
  CHECK((*scores)[0] == 100);
  CHECK((*scores)[1] > 0);
  CHECK((*scores)[1] < 100);
  CHECK((*scores)[2] > (*scores)[1]);
  CHECK((*scores)[3] == 0);
  CHECK((*scores)[4] == 0);
  // A word with digits that one message has is no term, and is found all the same.
  put(directory, inbox,
      {{1, "invoice"},
       {2, "invioce for you"},
       {3, "invoices"},
       {4, "other text"},
       {5, "in voice"},
       {6, "invoice number 4711x"}});
  reader = WordReader::open(directory);
  REQUIRE(reader);
  REQUIRE((*reader)->choose(inbox));
  auto number = (*reader)->relevancy("4711x invoice", body);
  REQUIRE(number);
  CHECK(*number == std::vector<std::uint8_t>{0, 0, 0, 0, 0, 100});
  CHECK(*(*reader)->may_hold("711", body) ==
        std::vector<bool>{false, false, false, false, false, true});
  // Each of the words must be there.
  auto both = (*reader)->relevancy("invoice you", body);
  REQUIRE(both);
  CHECK(std::ranges::count_if(*both, [](auto score) { return score > 0; }) == 1);
}

namespace {

// A message with these words in its header, by the places that the fields have.
TermTable header_terms(std::string_view header, std::string_view subject = "") {
  TermTable table;
  for (auto [place, text] : {std::pair(WordPlace::Header, header), {WordPlace::Subject, subject}}) {
    WordCutter cutter(table, place);
    cutter.feed(text);
    cutter.end_text();
  }
  return table;
}

std::vector<std::uint32_t> header_holders(const std::string& directory, std::string_view needle,
                                          WordPlace place = WordPlace::Header) {
  return holders(directory, inbox, needle, std::span(&place, 1));
}

}  // namespace

TEST_CASE("header words that come once are found, those that come again, and those of a field") {
  Scratch scratch;
  auto directory = scratch / "words";
  using List = std::vector<std::uint32_t>;
  auto add = [&](const std::vector<Uid>& all, std::uint32_t uid, const TermTable& terms) {
    auto writer = WordWriter::open(directory);
    REQUIRE(writer);
    REQUIRE((*writer)->begin(inbox, all));
    REQUIRE((*writer)->add(Uid(uid), terms, false));
    REQUIRE((*writer)->commit());
  };
  add(uids({1}), 1, header_terms("message id abc123 list", "green"));
  add(uids({1, 70}), 70, header_terms("message id def456 list green"));
  add(uids({1, 70, 71}), 71, header_terms("message id ghi789 list", "abc"));
  CHECK(header_holders(directory, "abc123") == List{1});
  CHECK(header_holders(directory, "id def456 l") == List{70});
  CHECK(header_holders(directory, " ghi789 ") == List{71});
  CHECK(header_holders(directory, "c12") == List{1});
  CHECK(header_holders(directory, "123 ") == List{1});
  CHECK(header_holders(directory, " 123").empty());
  CHECK(header_holders(directory, "list") == List{1, 70, 71});
  CHECK(header_holders(directory, "green") == List{1, 70});
  CHECK(header_holders(directory, "abc") == List{1, 71});
  CHECK(header_holders(directory, "green", WordPlace::Subject) == List{1});
  CHECK(header_holders(directory, "abc123", WordPlace::Subject).empty());
  REQUIRE(optimize_words(directory));
  CHECK(header_holders(directory, "def45") == List{70});
  // What is gone is not found when its UID is another's.
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  REQUIRE((*writer)->begin(inbox, uids({71})));
  REQUIRE((*writer)->begin({"id2", 1}, uids({70})));
  REQUIRE((*writer)->add(Uid(70), header_terms("message other"), false));
  REQUIRE((*writer)->commit());
  CHECK(header_holders(directory, "def456").empty());
  CHECK(header_holders(directory, "ghi789") == List{71});
}

TEST_CASE("of folders that are no more nothing is kept") {
  Scratch scratch;
  auto directory = scratch / "words";
  const WordFolder other{"id2", 7};
  put(directory, inbox, {{1, "one"}, {2, "two"}});
  put(directory, other, {{1, "two"}, {1500, "three"}});
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  CHECK(*(*writer)->keep_only(std::span(&inbox, 1)) == 2);
  // Readers see it at once.
  CHECK(holders(directory, other, "two").empty());
  CHECK(*(*writer)->keep_only(std::span(&inbox, 1)) == 0);
  CHECK(*(*writer)->begin(inbox, uids({1, 2})) == uids({}));
  CHECK(holders(directory, inbox, "two") == std::vector<std::uint32_t>{2});
  CHECK(holders(directory, other, "two").empty());
  CHECK(*(*writer)->begin(other, uids({1})) == uids({1}));
}

TEST_CASE("an index of another form is not read, and is made anew") {
  Scratch scratch;
  auto directory = scratch / "words";
  put(directory, inbox, {{1, "one"}});
  {
    Xapian::WritableDatabase database(directory, Xapian::DB_OPEN | Xapian::DB_NO_TERMLIST);
    database.set_metadata("V", "1");
    database.commit();
  }
  auto reader = WordReader::open(directory);
  REQUIRE(reader);
  CHECK_FALSE(*reader);
  put(directory, inbox, {{1, "one"}});
  CHECK(holders(directory, inbox, "one") == std::vector<std::uint32_t>{1});
}

TEST_CASE("an index that is being written is not written anew") {
  Scratch scratch;
  auto directory = scratch / "words";
  put(directory, inbox, {{1, "one"}});
  auto writer = WordWriter::open(directory);
  REQUIRE(writer);
  auto done = optimize_words(directory);
  REQUIRE_FALSE(done);
  CHECK(done.error().response_code() == ResponseCode::InUse);
  CHECK(holders(directory, inbox, "one") == std::vector<std::uint32_t>{1});
}
