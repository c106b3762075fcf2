#include "imapd/client/client.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

constexpr std::string_view greeting = "* OK ready\r\n";

/// Keeps what it gets.
class Kept final : public OctetSink {
 public:
  std::vector<std::string> texts;
  Result<void> begin(std::uint64_t) override {
    texts.emplace_back();
    return {};
  }
  Result<void> add(std::string_view octets) override {
    texts.back() += octets;
    return {};
  }
};

/// A client whose server has said all its answers already; they are told apart by tags p1, p2, …
struct Talk {
  std::unique_ptr<Stream> server;
  std::unique_ptr<ImapClient> client;

  explicit Talk(std::string_view answers) {
    auto loop = std::make_unique<Loop>();
    auto streams = memory_streams(*loop);
    server = std::move(streams.second);
    auto said = std::string(greeting) + std::string(answers);
    REQUIRE(server->try_write(said) == said.size());
    auto made = ImapClient::over(std::move(loop), std::move(streams.first));
    REQUIRE(made);
    client = *std::move(made);
  }
  ~Talk() {
    // The streams go before the loop that is the client's.
    server.reset();
  }
  /// What the client has sent.
  std::string heard() {
    std::string text(65536, '\0');
    auto size = server->try_read(text);
    text.resize(size.value_or(0));
    return text;
  }
};

}  // namespace

TEST_CASE("messages go to the sink octet by octet, whatever stands around them in the answer") {
  Talk talk(
      "* 1 FETCH (FLAGS (\\Seen $Work) UID 4 BODY[] {7}\r\nA)\r\nB\"\r INTERNALDATE "
      "\"14-Nov-2023 22:13:20 +0000\")\r\n"
      "* 9 FETCH (FLAGS (\\Deleted))\r\n"
      "* 2 FETCH (UID 5 BODY[] \"hi\" MODSEQ (12))\r\n"
      "* 3 FETCH (UID 6 BODY[] {0}\r\n)\r\n"
      "* 4 FETCH (UID 7 BODY[] NIL)\r\n"
      "p1 OK done\r\n");
  Kept kept;
  std::vector<FetchedMessage> messages;
  auto done = talk.client->fetch({4, 5, 6, 7}, kept, [&](FetchedMessage message) -> Result<void> {
    messages.push_back(std::move(message));
    return {};
  });
  REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
  CHECK(talk.heard() == "p1 UID FETCH 4:7 (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n");
  CHECK(kept.texts == std::vector<std::string>{"A)\r\nB\"\r", "hi", ""});
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].uid == 4);
  CHECK(messages[0].date == 1700000000);
  CHECK(*messages[0].flags == std::vector<std::string>{"\\Seen", "$Work"});
  CHECK(messages[1].uid == 5);
  CHECK(messages[2].uid == 6);
}

TEST_CASE(
    "folders are listed with their literals, and a brace in a text for people is no literal") {
  Talk talk(
      "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"\r\n"
      "* LIST () NIL {3}\r\na\"b\r\n"
      "* OK still here {9}\r\n"
      "p1 OK done {4}\r\n");
  auto folders = talk.client->folders();
  REQUIRE_MESSAGE(folders, (folders ? "" : folders.error().text()));
  REQUIRE(folders->size() == 2);
  CHECK((*folders)[0].has("\\SENT"));
  CHECK((*folders)[0].separator == '/');
  CHECK((*folders)[1].name == "a\"b");
  CHECK((*folders)[1].separator == '\0');
}

TEST_CASE("a level above what is subscribed is not subscribed itself") {
  Talk talk("* LSUB (\\Noselect) \"/\" a\r\n* LSUB () \"/\" a/b\r\np1 OK done\r\n");
  auto found = talk.client->subscriptions();
  REQUIRE(found);
  CHECK(*found == std::vector<std::string>{"a/b"});
}

TEST_CASE("a message that comes before the UIDs asked for is no new one, and UIDs come in order") {
  Talk talk(
      "* 3 FETCH (UID 12 RFC822.SIZE 7)\r\n* 2 FETCH (UID 11 RFC822.SIZE 5)\r\n"
      "* 1 FETCH (UID 9 RFC822.SIZE 5)\r\np1 OK done\r\n");
  auto found = talk.client->messages_after(10);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0].uid == 11);
  CHECK((*found)[1].octets == 7);
  CHECK(talk.heard() == "p1 UID FETCH 11:* (UID RFC822.SIZE)\r\n");
}

TEST_CASE("a refusal, a farewell and nonsense are told with what the server said") {
  SUBCASE("NO") {
    Talk talk("p1 NO [NONEXISTENT] no such folder\r\n");
    auto opened = talk.client->open("a\"b");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == 550);
    CHECK(opened.error().text() ==
          "server: it answers EXAMINE with NO [NONEXISTENT] no such folder");
    CHECK(talk.heard() == "p1 EXAMINE \"a\\\"b\"\r\n");
  }
  SUBCASE("NO that may pass") {
    for (const char* code : {"[UNAVAILABLE]", "[INUSE]"}) {
      Talk talk("p1 NO " + std::string(code) + " later\r\n");
      CHECK(talk.client->open("INBOX").error().code() == 451);
    }
  }
  SUBCASE("BYE") {
    Talk talk("* BYE enough\r\n");
    auto opened = talk.client->open("INBOX");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == 451);
    CHECK(opened.error().text() == "server: it ends the conversation: enough");
  }
  SUBCASE("nonsense") {
    Talk talk("* LIST (\\x \"/\" a\r\np1 OK\r\n");
    auto folders = talk.client->folders();
    REQUIRE_FALSE(folders);
    CHECK(folders.error().code() == 451);
    CHECK(folders.error().text().find("LIST (\\x") != std::string::npos);
  }
}

TEST_CASE("the prefix of the user's own folders is told from those of others") {
  Limits limits;
  auto spaces = parse_namespaces(
      "NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\" \"X-P\" (\"a\"))) ((\"\" \".\")(\"#s.\" "
      "NIL))",
      limits);
  REQUIRE_MESSAGE(spaces, (spaces ? "" : spaces.error().text()));
  CHECK(spaces->prefix == "INBOX.");
  CHECK(spaces->others == std::vector<std::string>{"user.", "#s."});
  CHECK_FALSE(parse_namespaces("NAMESPACE ((", limits));
}

TEST_CASE("the codes of SELECT are found, and a date that is none is left out") {
  CHECK(number_in_code("OK [UIDVALIDITY 7] ok", "uidvalidity") == 7);
  CHECK_FALSE(number_in_code("OK [UIDNEXT 7] ok", "UIDVALIDITY"));
  CHECK_FALSE(number_in_code("OK ] [", "UIDVALIDITY"));
  Limits limits;
  auto message = parse_fetched("1 FETCH (UID 3 INTERNALDATE \"soon\")", limits);
  REQUIRE(message);
  REQUIRE(*message);
  CHECK_FALSE((*message)->date);
}

TEST_CASE("no password goes to a server that wants none in the open, or proves nothing") {
  Secret secret("wonder");
  Talk disabled("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\np1 OK\r\n");
  disabled.server->shut_down();
  CHECK(disabled.client->log_in("ann", secret).error().code() == 550);
  CHECK(disabled.heard().find("wonder") == std::string::npos);
  Talk unproven("* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256\r\np1 OK\r\np2 OK welcome\r\n");
  unproven.server->shut_down();
  auto done = unproven.client->log_in("ann", secret);
  REQUIRE_FALSE(done);
  CHECK(done.error().text() == "server: it does not show that it knows the password");
}

TEST_CASE("answers that are too large, too long or nested too deep are an error") {
  Kept kept;
  auto use = [](const FetchedMessage&) -> Result<void> { return {}; };
  auto large = std::to_string(copied_octets_max + 1);
  Talk message("* 1 FETCH (UID 4 BODY[] {" + large + "}\r\n");
  message.server->shut_down();
  CHECK(message.client->fetch({4}, kept, use).error().text() ==
        "server: it sends a message of " + large + " octets");
  Talk literal("* LIST () NIL {" + std::to_string(answer_bytes_max + 1) + "}\r\n");
  literal.server->shut_down();
  CHECK(literal.client->folders().error().text().find("too long an answer") != std::string::npos);
  std::string texts;
  for (int i = 0; i < 5; ++i) texts += " {1000000}\r\n" + std::string(1'000'000, 'x');
  Talk several("* LIST () NIL" + texts + "\r\np1 OK\r\n");
  several.server->shut_down();
  CHECK(several.client->folders().error().text().find("too long an answer") != std::string::npos);
  std::string lines;
  for (std::size_t i = 0; i <= remote_folders_max; ++i) lines += "* LIST () NIL a\r\n";
  Talk many(lines + "p1 OK\r\n");
  CHECK(many.client->folders().error().text() == "server: it has more than 10000 folders");
  Limits limits;
  auto nested = [&](std::size_t depth) {
    auto text = "1 FETCH (X " + std::string(depth, '(') + "1" + std::string(depth, ')') + ")";
    return static_cast<bool>(parse_fetched(text, limits));
  };
  CHECK(nested(answer_nesting_max));
  CHECK_FALSE(nested(answer_nesting_max + 1));
}
