// FUZZY and RELEVANCY as a client sees them, and who keeps the index of words that answers them.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"
#include "store/search/word_index.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const char* const letters[] = {"Subject: report\n\nreport report report\n",
                               "Subject: other\n\nthe reprot of a long day with many words\n",
                               "Subject: nothing\n\nat all\n"};

// An account with three letters and an index of words, as a worker has it.
struct Host {
  Host() {
    for (const char* letter : letters) account.deliver(letter);
  }
  void give_words(Client& client) {
    shared = client.accounts().open("ann");
    shared->words_directory = directory;
    shared->open_store = [this] { return account.open(); };
  }
  TestAccount account;
  std::string directory = account.root() + "/words";
  std::shared_ptr<imap::Account> shared;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Lets what goes on in the background end.
void settle(Client& client, const std::function<bool()>& is_done) {
  auto wait = [](Loop& loop, const std::function<bool()>& done) -> Task<> {
    for (int i = 0; i < 1000 && !done(); ++i) co_await loop.sleep(std::chrono::milliseconds(10));
  };
  client.loop().run_until(wait(client.loop(), is_done));
  CHECK(is_done());
}

std::size_t indexed(const Host& host, const std::string& id, std::uint32_t uid_validity) {
  auto reader = store::WordReader::open(host.directory);
  if (!reader || !*reader || !(*reader)->choose({id, uid_validity})) return 0;
  return (*reader)->entries().size();
}

}  // namespace

TEST_CASE("FUZZY finds nearly the word, and RELEVANCY tells and sorts by how nearly") {
  Host host;
  Client client(host.account);
  CHECK_FALSE(contains(client.command("CAPABILITY"), "SEARCH=FUZZY"));
  host.give_words(client);
  CHECK(contains(client.command("CAPABILITY"), " SEARCH=FUZZY"));
  client.command("SELECT INBOX");
  CHECK(client.command("SEARCH TEXT report") == "* SEARCH 1\r\nOK Search completed.\r\n");
  CHECK(client.command("SEARCH FUZZY TEXT report") == "* SEARCH 1 2\r\nOK Search completed.\r\n");
  auto told = client.command("SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT report");
  CHECK(contains(told, " ALL 1:2 RELEVANCY (100 "));
  CHECK(client.command("SORT (REVERSE RELEVANCY) UTF-8 FUZZY BODY report") ==
        "* SORT 2 1\r\nOK Sort completed.\r\n");
  CHECK(client.command("SORT (RELEVANCY ARRIVAL) UTF-8 FUZZY BODY report") ==
        "* SORT 1 2\r\nOK Sort completed.\r\n");
  told =
      client.command("UID SORT RETURN (RELEVANCY PARTIAL 2:2) (RELEVANCY) UTF-8 FUZZY BODY report");
  CHECK(contains(told, " PARTIAL (2:2 2) RELEVANCY ("));
  CHECK_FALSE(contains(told, "RELEVANCY (100"));
  told = client.command("SEARCH RETURN (RELEVANCY) FUZZY SUBJECT absent");
  CHECK_FALSE(contains(told, "RELEVANCY"));
  host.shared = nullptr;
}

TEST_CASE("RELEVANCY without FUZZY is BAD, and sorting by it is not followed") {
  Host host;
  Client client(host.account);
  host.give_words(client);
  client.command("SELECT INBOX");
  for (const char* bad : {"SEARCH RETURN (RELEVANCY) TEXT report", "SEARCH FUZZY",
                          "SORT (RELEVANCY) UTF-8 TEXT report"}) {
    CAPTURE(bad);
    CHECK(client.command(bad).starts_with("BAD"));
  }
  auto refused = client.command("SORT RETURN (UPDATE) (RELEVANCY) UTF-8 FUZZY TEXT report");
  CHECK(refused.starts_with("NO [CANNOT]"));
  host.shared = nullptr;
}

TEST_CASE("the index is made when its user searches, and follows what comes and goes") {
  Host host;
  Client client(host.account);
  host.give_words(client);
  auto answer = client.command("SELECT INBOX");
  // Nobody has searched: nothing is kept.
  settle(client, [&] { return true; });
  CHECK_FALSE(store::has_words(host.directory));
  auto mailbox = *host.account.open()->open(store::MailboxName::inbox(), store::Access::ReadOnly);
  auto id = mailbox->id();
  auto validity = mailbox->uid_validity();
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 1\r\nOK Search completed.\r\n");
  settle(client, [&] { return indexed(host, id, validity) == 3; });
  host.account.deliver("Subject: new\n\nreporting\n");
  client.command("NOOP");
  settle(client, [&] { return indexed(host, id, validity) == 4; });
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 1 4\r\nOK Search completed.\r\n");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 3\r\nOK Search completed.\r\n");
  settle(client, [&] { return indexed(host, id, validity) == 3; });
  // It may be removed at any time, and be damaged.
  store::discard_words(host.directory);
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 3\r\nOK Search completed.\r\n");
  settle(client, [&] { return indexed(host, id, validity) == 3; });
  LogCapture log;
  std::filesystem::resize_file(host.directory + "/postlist.glass", 100);
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 3\r\nOK Search completed.\r\n");
  CHECK(client.command("SEARCH FUZZY BODY reporitng") == "* SEARCH 3\r\nOK Search completed.\r\n");
  settle(client, [&] { return indexed(host, id, validity) == 3; });
  host.shared = nullptr;
}

TEST_CASE(
    "the text of an attachment, which a program prints, is found by a search by words alone") {
  LogCapture log;
  Host host;
  host.account.deliver(
      "Subject: flight\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
      "--b\n\nSee there.\n"
      "--b\nContent-Type: Application/X-Ticket\nContent-Transfer-Encoding: base64\n\n"
      "emVwcGVsaW4=\n"
      "--b\nContent-Type: image/png\n\nx\n--b--\n");
  auto decoder = host.account.root() + "/decoder";
  std::ofstream(decoder) << "#!/bin/sh\n[ $1 = application/x-ticket ] || { echo no >&2; exit 3; }\n"
                            "echo One \"$(cat)\"\n";
  std::filesystem::permissions(decoder, std::filesystem::perms::owner_all);
  Client client(host.account, {"fts_decoder=" + decoder});
  host.give_words(client);
  client.command("SELECT INBOX");
  CHECK(client.command("SEARCH FUZZY BODY zeppelin") == "* SEARCH 4\r\nOK Search completed.\r\n");
  CHECK(client.command("SEARCH BODY zeppelin") == "* SEARCH\r\nOK Search completed.\r\n");
  auto said = "fts_decoder: " + decoder + " image/png: exit status 3: no";
  auto lines = log.lines();
  CHECK(std::ranges::count_if(lines,
                              [&](const std::string& line) { return line.ends_with(said); }) == 1);
  host.shared = nullptr;
}

TEST_CASE("mailboxes that are removed leave the index, and renamed ones stay in it") {
  Host host;
  Client client(host.account);
  host.give_words(client);
  auto place_of = [&](const char* name) {
    auto mailbox =
        host.account.open()->open(*store::MailboxName::parse(name, '.'), store::Access::ReadOnly);
    REQUIRE(mailbox);
    return std::pair((*mailbox)->id(), (*mailbox)->uid_validity());
  };
  for (const char* name : {"INBOX", "Old", "Moved"}) {
    if (std::string_view(name) != "INBOX") {
      client.command(std::string("CREATE ") + name);
      client.command("SELECT INBOX");
      client.command(std::string("COPY 1:2 ") + name);
    }
    client.command(std::string("SELECT ") + name);
    client.command("SEARCH FUZZY TEXT report");
  }
  auto [inbox, inbox_validity] = place_of("INBOX");
  auto [old, old_validity] = place_of("Old");
  auto [moved, moved_validity] = place_of("Moved");
  CHECK(indexed(host, old, old_validity) == 2);
  CHECK(client.command("DELETE Old").find("OK Delete") != std::string::npos);
  settle(client,
         [&, id = old, validity = old_validity] { return indexed(host, id, validity) == 0; });
  CHECK(indexed(host, inbox, inbox_validity) == 3);
  CHECK(client.command("RENAME Moved Kept").find("OK Rename") != std::string::npos);
  client.command("SELECT Kept");
  client.command("SEARCH FUZZY TEXT report");
  CHECK(indexed(host, moved, moved_validity) == 2);
  host.shared = nullptr;
}

TEST_CASE("while another process writes the index, what is to be put in waits") {
  LogCapture log;
  Host host;
  Client client(host.account);
  host.give_words(client);
  client.command("SELECT INBOX");
  auto mailbox = *host.account.open()->open(store::MailboxName::inbox(), store::Access::ReadOnly);
  auto id = mailbox->id();
  auto validity = mailbox->uid_validity();
  auto writer = store::WordWriter::open(host.directory);
  REQUIRE(writer);
  CHECK(client.command("SEARCH BODY report") == "* SEARCH 1\r\nOK Search completed.\r\n");
  int looks = 0;
  settle(client, [&] {
    if (++looks == 30) writer->reset();
    return looks > 30 && indexed(host, id, validity) == 3;
  });
  CHECK(log.lines().empty());
  host.shared = nullptr;
}
