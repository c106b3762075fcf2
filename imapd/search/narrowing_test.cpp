// SEARCH with the index of words answers as without, whatever the messages and the texts are.
#include "imapd/search/narrowing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "imapd/search/searcher.h"
#include "imapd/search/testing.h"
#include "store/indexing/folder_indexer.h"

using namespace pennypost;
using namespace pennypost::imap;
using store::Uid;

namespace {

// The sanitizers make a search many times slower.
#if defined(__SANITIZE_ADDRESS__)
constexpr int needles_max = 100;
#elif defined(__has_feature)
constexpr int needles_max = __has_feature(address_sanitizer) ? 100 : 800;
#else
constexpr int needles_max = 800;
#endif

struct Account : SearchedAccount {
  void put_into_index(store::Mailbox& mailbox, std::uint64_t octets_max = 1 << 20,
                      std::uint64_t octets_at_once = 1 << 20) const {
    auto writer = store::WordWriter::open(directory);
    REQUIRE(writer);
    store::FolderIndexer indexer(mailbox, **writer, octets_max);
    for (bool more = true; more;) {
      auto ran = indexer.run(octets_at_once);
      REQUIRE(ran);
      more = *ran;
    }
  }
};

struct Found {
  std::vector<std::uint32_t> numbers;
  std::size_t read = 0;  // messages that were opened
};

// A search, asking the index in a directory if one is named.
Found found(const Selected& selected, store::Mailbox& mailbox, const std::string& keys,
            const std::string& directory) {
  auto request = parse_search(keys, Limits());
  REQUIRE(request);
  auto searcher = Searcher::make(selected, mailbox, *request, 0);
  REQUIRE(searcher);
  if (!directory.empty()) {
    auto narrowing = Narrowing::make(directory, mailbox, searcher->needles());
    REQUIRE(narrowing);
    searcher->narrow(*std::move(narrowing));
  }
  Found out;
  while (searcher->run(1, 1, out.numbers)) {
    if (searcher->is_within_message()) ++out.read;
  }
  return out;
}

// The same search, of which two threads read the messages.
std::vector<std::uint32_t> found_by_two(const Selected& selected, store::Mailbox& mailbox,
                                        const std::string& keys) {
  auto searcher = Searcher::make(selected, mailbox, *parse_search(keys, Limits()), 0);
  REQUIRE(searcher);
  std::vector<std::uint32_t> out;
  while (searcher->gather(60, 50'000, out)) {
    std::thread helper([&] { searcher->read(); });
    searcher->read();
    helper.join();
  }
  return out;
}

std::string literal(const std::string& text) {
  return "{" + std::to_string(text.size()) + "}\r\n" + text;
}

// Headers and bodies of the kinds that have made trouble somewhere.
std::string odd_message(std::mt19937& random) {
  static const std::vector<std::string> words{"invoice",
                                              "Größe",
                                              "straße",
                                              "=?utf-8?q?caf=C3=A9_au?=",
                                              "=?utf-8?b?5ryi5a2X?=",
                                              "x",
                                              "漢字かな交じり",
                                              "ﬁne",
                                              "naïve",
                                              "cafe\xcc\x81",
                                              "a_b-c",
                                              "don't",
                                              "\xe9t\xe9",
                                              "\xff\xfe",
                                              "İstanbul",
                                              "1234567890",
                                              "ภาษาไทย",
                                              "한국어",
                                              std::string(200, 'q') + "z",
                                              "https://a.b/c?d=e",
                                              "=?broken?q?",
                                              "\t",
                                              "  ",
                                              "=",
                                              "=20",
                                              "=C3=A9",
                                              "5ryi5a2X",
                                              "ｶﾞｷﾞ"};
  auto text = [&](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      out += words[random() % words.size()];
      out += i % 9 == 8 ? "\n" : random() % 5 == 0 ? "" : " ";
    }
    return out;
  };
  auto line = [&](std::size_t count) {
    auto out = text(count);
    std::ranges::replace(out, '\n', ' ');
    return out;
  };
  static const std::vector<std::string> types{"text/plain",
                                              "text/plain; charset=utf-8",
                                              "text/html; charset=iso-8859-1",
                                              "text/plain; charset=utf-16",
                                              "text/plain; charset=nonsense",
                                              "application/pdf; name=\"a b.pdf\"",
                                              "message/rfc822",
                                              "TEXT/PLAIN; charset=\"shift_jis\"",
                                              "text"};
  static const std::vector<std::string> encodings{
      "", "7bit", "8bit", "base64", "quoted-printable", "x-unknown"};
  auto part = [&] {
    std::string out = "Content-Type: " + types[random() % types.size()] + "\n";
    auto encoding = encodings[random() % encodings.size()];
    if (!encoding.empty()) out += "Content-Transfer-Encoding: " + encoding + "\n";
    if (random() % 3 == 0) {
      out += "Content-Disposition: attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt\n";
    }
    return out + "\n" + text(random() % 40);
  };
  static const std::vector<std::string> addresses{"ann@example.org",
                                                  "(the \"bob\") bob@example.org",
                                                  "\"a, b\" <c@d.example>",
                                                  "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_X?= <j@x>",
                                                  "team: ann@example.org, bob@b.example;",
                                                  "<@relay.example:ann@c.example>",
                                                  "\"quoted \\\" local\"@example.org",
                                                  "ann (comment) @ (more) example . org",
                                                  "undisclosed-recipients:;",
                                                  "\"br\\ok\\en\" <\"jo\\hn\"@x.example>",
                                                  "bare",
                                                  "<>",
                                                  "a@b c@d",
                                                  "Größe <g@xn--gr-fka.example>"};
  auto address = [&] {
    return random() % 3 == 0 ? line(2) + " <ann@example.org>"
                             : addresses[random() % addresses.size()];
  };
  std::string out = "Subject: " + line(random() % 6) + "\n " + line(1) + "\nFrom: " + address() +
                    "\nX-Odd: " + line(3) + "\n";
  if (random() % 2 == 0) out += "To: " + address() + ",\n " + address() + "\n";
  if (random() % 4 == 0) out += "cC : " + address() + "\nCc: " + address() + "\n";
  // Ids that no other message has, and such as come again.
  out +=
      "Message-ID: <" + std::to_string(random()) + ".q" + std::to_string(random() % 9) + "@host>\n";
  switch (random() % 6) {
    case 0:
      return out;  // no blank line
    case 1:
      return out + "\n" + text(random() % 60);
    case 2:
      return out + part();
    case 3:
      return text(10);  // no header
    default:
      out += "Content-Type: multipart/mixed; boundary=b\n\n" + text(3);
      for (auto parts = random() % 4; parts > 0; --parts) out += "\n--b\n" + part();
      return random() % 2 == 0 ? out + "\n--b--\n" + text(2) : out;
  }
}

// Some characters of a text, as a client in UTF-8 could ask for them.
std::string random_needle(std::mt19937& random, const std::string& text) {
  static const std::vector<std::string> others{
      "漢字",   "字",    "é",     "SS", "größe", "q",         "fi",    "e au",
      "absent", "İ",     "ガ",    " ",  "",      "x-odd: ",   "ext",   "ann@ex",
      "broken", "john@", "\" <c", "> ", ".q3",   "subject: ", "jörg x"};
  if (random() % 4 == 0) return others[random() % others.size()];
  auto begins = [&](std::size_t at) {
    return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
  };
  auto first = random() % text.size();
  while (!begins(first)) ++first;
  auto last = std::min(text.size(), first + 1 + random() % 20);
  while (!begins(last)) ++last;
  auto needle = text.substr(std::min(first, text.size()), last - std::min(first, text.size()));
  std::erase(needle, '\0');
  return needle;
}

}  // namespace

TEST_CASE("odd messages are found by random texts with the index as without") {
  std::mt19937 random(20261130);
  Account account;
  std::vector<std::string> texts;
  for (int i = 0; i < 150; ++i) texts.push_back(odd_message(random));
  account.append(texts);
  auto mailbox = account.open();
  Selected selected(account.open());
  SUBCASE("all of them in the index") { account.put_into_index(*mailbox); }
  SUBCASE("put into it in small steps") { account.put_into_index(*mailbox, 1 << 20, 1); }
  bool is_cut = false;
  SUBCASE("cut after some octets") {
    account.put_into_index(*mailbox, 300);
    is_cut = true;
  }
  SUBCASE("some that came later are not") {
    account.put_into_index(*mailbox);
    account.append({texts[0], texts[1], odd_message(random)});
    selected.note(*selected.mailbox().sync());
  }
  static constexpr const char* keys_asked[] = {
      " BODY ",           " TEXT ",     " TEXT ",     " HEADER X-Odd ",      " SUBJECT ",
      " HEADER Subject ", " NOT BODY ", " NOT TEXT ", " HEADER Message-ID ", " FROM ",
      " FROM ",           " TO ",       " CC ",       " HEADER From ",       " NOT FROM "};
  std::size_t read = 0;
  std::size_t read_without = 0;
  for (int i = 0; i < needles_max; ++i) {
    auto needle = random_needle(random, texts[random() % texts.size()]);
    std::string key = keys_asked[random() % std::size(keys_asked)];
    auto keys = " CHARSET UTF-8" + key + literal(needle);
    if (random() % 4 == 0) keys += " OR TEXT " + literal(random_needle(random, texts[0])) + " ALL";
    if (!parse_search(keys, Limits())) continue;
    CAPTURE(keys);
    auto request = parse_search(keys, Limits());
    if (!Searcher::make(selected, selected.mailbox(), *request, 0)) continue;
    auto without = found(selected, selected.mailbox(), keys, "");
    auto with = found(selected, selected.mailbox(), keys, account.directory);
    CHECK(with.numbers == without.numbers);
    if (i % 4 == 0) CHECK(found_by_two(selected, selected.mailbox(), keys) == without.numbers);
    read += with.read;
    read_without += without.read;
  }
  // It is of use, unless it must let every message decide.
  CHECK((is_cut || read < read_without));
}

TEST_CASE("messages that can't match are not read") {
  Account account;
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    texts.push_back("Subject: n" + std::to_string(i) + "\n\nsome words and number" +
                    std::to_string(i) + "\n");
  }
  account.append(texts);
  Selected selected(account.open());
  account.put_into_index(selected.mailbox());
  auto with = found(selected, selected.mailbox(), " BODY number7", account.directory);
  CHECK(with.numbers == std::vector<std::uint32_t>{8});
  CHECK(with.read <= 2);
  auto joined = found(selected, selected.mailbox(), " TEXT words BODY mber49", account.directory);
  CHECK(joined.numbers == std::vector<std::uint32_t>{50});
  CHECK(joined.read <= 2);
}

TEST_CASE("what was removed behind the index, by whatever program, is not found") {
  Account account;
  account.append({"Subject: a\n\nword one\n", "Subject: b\n\nword two\n"});
  Selected selected(account.open());
  account.put_into_index(selected.mailbox());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(account.scratch.path())) {
    bool is_first = entry.path().parent_path().filename() == "cur" ||
                    entry.path().parent_path().filename() == "new";
    if (!is_first || entry.path().filename().string().find(',') == std::string::npos) continue;
    std::filesystem::remove(entry.path());
    break;
  }
  Selected later(account.open());
  CHECK(later.exists() == 1);
  CHECK(found(later, later.mailbox(), " BODY word", account.directory).numbers ==
        found(later, later.mailbox(), " BODY word", "").numbers);
  // A session that does not know yet.
  CHECK(found(selected, selected.mailbox(), " BODY word", account.directory).numbers ==
        found(selected, selected.mailbox(), " BODY word", "").numbers);
  account.put_into_index(later.mailbox());
  auto reader = store::WordReader::open(account.directory);
  REQUIRE(reader);
  REQUIRE((*reader)->choose(store::word_folder(later.mailbox())));
  CHECK((*reader)->entries().size() == 1);
}

TEST_CASE("FUZZY finds words that are alike, and names of attachments as readers see them") {
  Account account;
  account.append(
      {"Subject: Quarterly report\n\nthe figures\n", "Subject: x\n\nthe reprot of yesterday\n",
       "Subject: y\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
       "application/pdf\n"
       "Content-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht.pdf\n\nJVBERi0=\n--b--\n",
       "Subject: z\n\nnothing\n"});
  Selected selected(account.open());
  account.put_into_index(selected.mailbox());
  using List = std::vector<std::uint32_t>;
  struct Row {
    const char* keys;
    List numbers;
  };
  for (const auto& row :
       {Row{" FUZZY TEXT report", {1, 2}}, Row{" FUZZY SUBJECT reports", {1}},
        Row{" FUZZY BODY report", {2}}, Row{" NOT FUZZY TEXT report", {3, 4}},
        Row{" CHARSET UTF-8 FUZZY TEXT {10}\r\nübersicht", {3}}, Row{" FUZZY BODY ubersicht", {3}},
        Row{" TEXT report", {1}}, Row{" FUZZY (TEXT report SUBJECT x)", {2}},
        Row{" OR FUZZY SUBJECT report FUZZY BODY nothing", {1, 4}}, Row{" FUZZY SEEN", {}}}) {
    CAPTURE(row.keys);
    CHECK(found(selected, selected.mailbox(), row.keys, account.directory).numbers == row.numbers);
  }
  // Without an index they are looked for as they are.
  CHECK(found(selected, selected.mailbox(), " FUZZY TEXT report", "").numbers == List{1});
}
