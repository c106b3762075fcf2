#include "smtpd/milter/milters.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/config/testing.h"
#include "common/log/sink.h"
#include "smtpd/milter/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

using namespace std::string_literals;
using Strings = std::vector<std::string>;
using Kind = MilterAnswer::Kind;

/// A message in memory that notes what is done to it.
class FakeMessage final : public MilteredMessage {
 public:
  std::string header() const override { return top; }
  void edit_header(const std::vector<Edit>& edits) override { top = edited(top, edits); }
  Task<Result<std::string>> read_body(std::uint64_t offset, std::size_t count) override {
    co_return body.substr(std::min<std::size_t>(offset, body.size()), count);
  }
  Task<Result<void>> begin_body() override {
    body.clear();
    co_return Result<void>();
  }
  Task<Result<void>> add_to_body(std::string_view piece) override {
    body += piece;
    if (body.size() > 100000) co_return Error(552, "5.3.4", "too large");
    co_return Result<void>();
  }
  Result<void> add_recipient(std::string_view address, std::string_view parameters) override {
    done.push_back("add " + std::string(address) + " " + std::string(parameters));
    return {};
  }
  Result<void> remove_recipient(std::string_view address) override {
    done.push_back("remove " + std::string(address));
    return {};
  }
  Result<void> set_sender(std::string_view address, std::string_view) override {
    done.push_back("from " + std::string(address));
    return {};
  }

  std::string top = "Received: ours\nSubject: x\nTo:  y\n\tz\n";
  std::string body = "one\n.two\n";
  Strings done;
};

struct Stage {
  explicit Stage(std::vector<std::string> settings = {}) {
    auto config = config_for_test(std::move(settings));
    auto parsed = MilterSettings::parse("inet:127.0.0.1:1", *config);
    REQUIRE(parsed);
    auto connect = [this](std::uint32_t) { return connect_fake(); };
    auto values = [](std::string_view name) -> std::optional<std::string> {
      if (name == "j") return "mail.example";
      if (name == "mail_addr") return "ann@example.net";
      return std::nullopt;
    };
    milters = std::make_unique<Milters>(loop, std::vector<MilterSettings>{*parsed},
                                        MilterMacros(*config), values, connect, "smtpd");
  }
  Task<Result<std::unique_ptr<Stream>>> connect_fake() {
    if (is_down) co_return Error::temporary("Connection refused");
    co_return fake.connect();
  }

  /// Plays a session up to the message's end; the first answer that is not Continue.
  MilterAnswer play() { return loop.run_until(dialogue()); }
  Task<MilterAnswer> dialogue() {
    MilterClient client;
    client.name = "client.example";
    client.address = "192.0.2.9";
    client.port = 4711;
    auto answer = co_await milters->connect(client);
    if (answer.kind == Kind::Continue) answer = co_await milters->helo("client.example");
    if (answer.kind == Kind::Continue) {
      auto playing = message_alone();
      answer = co_await std::move(playing);
    }
    co_return answer;
  }
  Task<MilterAnswer> message_alone() {
    Strings sender{"<ann@example.net>", "SIZE=9"};
    auto answer = co_await milters->mail(std::move(sender));
    if (answer.kind != Kind::Continue) co_return answer;
    Strings recipient{"<bob@example.com>"};
    answer = co_await milters->rcpt(std::move(recipient));
    if (answer.kind != Kind::Continue) co_return answer;
    answer = co_await milters->data();
    if (answer.kind != Kind::Continue) co_return answer;
    auto showing = milters->message(message);
    co_return co_await std::move(showing);
  }
  /// Lets the milter hear what was sent.
  void settle() { loop.run_until(wait_a_while()); }
  Task<> wait_a_while() {
    for (int i = 0; i < 1000; ++i) co_await loop.yield();
  }
  /// The events heard, without macros.
  Strings events() const {
    Strings found;
    std::ranges::copy_if(fake.heard, std::back_inserter(found),
                         [](const std::string& one) { return one.front() != 'D'; });
    return found;
  }
  bool has_logged(std::string_view part) const {
    return std::ranges::any_of(
        log.lines(), [&](const std::string& line) { return line.find(part) != line.npos; });
  }

  Loop loop;
  LogCapture log;
  FakeMilter fake{loop};
  FakeMessage message;
  std::unique_ptr<Milters> milters;
  bool is_down = false;
};

}  // namespace

TEST_CASE("a milter hears the dialogue and the message, with the macros that have values") {
  Stage stage({"milter_macro_defaults={auth_type}=none"});
  CHECK(stage.play().kind == Kind::Continue);
  CHECK(stage.events() == Strings{"Cclient.example|4\x12\x67"s + "192.0.2.9|", "Hclient.example|",
                                  "M<ann@example.net>|SIZE=9|", "R<bob@example.com>|", "T",
                                  "LSubject|x|", "LTo| y\n\tz|", "N", "Bone\r\n.two\r\n", "E"});
  CHECK(stage.fake.heard[0] == "DCj|mail.example|");
  CHECK(std::ranges::find(stage.fake.heard, "DM{auth_type}|none|{mail_addr}|ann@example.net|") !=
        stage.fake.heard.end());
  stage.milters.reset();
}

TEST_CASE("a milter gets only what it has negotiated, and its own choice of macros") {
  Stage stage;
  namespace e = milter_events;
  stage.fake.offer = milter_offer_data(6, 0,
                                       e::no_helo | e::no_rcpt | e::no_body | e::no_data |
                                           e::mute_header | e::keeps_header_space) +
                     "\0\0\0\0{j}\0"s + "\0\0\0\2{client_name}\0"s;
  stage.fake.mute = "L";
  CHECK(stage.play().kind == Kind::Continue);
  CHECK(stage.events() == Strings{"Cclient.example|4\x12\x67"s + "192.0.2.9|",
                                  "M<ann@example.net>|SIZE=9|", "LSubject| x|", "LTo|  y\n\tz|",
                                  "N", "E"});
  CHECK(stage.fake.heard[0] == "DCj|mail.example|");
  CHECK(stage.fake.heard[2].starts_with("M"));
}

TEST_CASE("an older milter is not told of events that its version of the protocol lacks") {
  Stage stage;
  stage.fake.offer = milter_offer_data(2, 0, 0);
  CHECK(stage.play().kind == Kind::Continue);
  auto events = stage.events();
  CHECK(std::ranges::find(events, "T") == events.end());
}

TEST_CASE("a milter's answers decide: reject, tempfail, reply, discard, accept") {
  struct Row {
    char event;
    std::string answer;
    Kind kind;
    std::string reply;
  };
  std::string quoted = "y550-5.7.1 100%% wrong\r\n550 5.7.1 go\0"s;
  for (const Row& row :
       {Row{'M', milter_answer('r'), Kind::Refuse, "550 5.7.1 Command rejected"},
        Row{'R', milter_answer('t'), Kind::Refuse,
            "451 4.7.1 Service unavailable - try again later"},
        Row{'E', milter_answer('y', quoted.substr(1)), Kind::Refuse,
            "550-5.7.1 100% wrong\r\n550 5.7.1 go"},
        Row{'L', milter_answer('d'), Kind::Discard, ""},
        Row{'M', milter_answer('a'), Kind::Continue, ""},
        Row{'B', milter_answer('4'), Kind::Refuse, "421 4.7.0 Server closing connection"},
        Row{'E', milter_answer('p') + milter_answer('p') + milter_answer('c'), Kind::Continue,
            ""}}) {
    CAPTURE(row.event);
    Stage stage;
    stage.fake.answers[row.event] = row.answer;
    auto answer = stage.play();
    CHECK(answer.kind == row.kind);
    CHECK(answer.reply == row.reply);
    if (row.answer == milter_answer('a')) {
      CHECK(stage.events().back() == "M<ann@example.net>|SIZE=9|");
    }
  }
}

TEST_CASE("after Skip a milter hears no more of that kind, for this message") {
  Stage stage;
  stage.fake.answers['L'] = milter_answer('s');
  stage.message.body.assign(200000, 'x');
  stage.fake.answers['B'] = milter_answer('s');
  CHECK(stage.play().kind == Kind::Continue);
  auto count = [&](char event) {
    return std::ranges::count_if(stage.fake.heard,
                                 [&](const std::string& one) { return one.front() == event; });
  };
  CHECK(count('L') == 1);
  CHECK(count('B') == 1);
  CHECK(count('E') == 1);
}

TEST_CASE("a refusal of the connection holds for the whole session") {
  Stage stage;
  stage.fake.answers['C'] = milter_answer('r');
  CHECK(stage.play().reply == "550 5.7.1 Command rejected");
  CHECK(stage.loop.run_until(stage.message_alone()).reply == "550 5.7.1 Command rejected");
  stage.settle();
  CHECK(stage.fake.heard.back() == "Q");
}

TEST_CASE("a message that came to no end is aborted when the next begins") {
  Stage stage;
  stage.fake.answers['R'] = milter_answer('r');
  CHECK(stage.play().kind == Kind::Refuse);
  stage.fake.answers.clear();
  stage.fake.heard.clear();
  CHECK(stage.loop.run_until(stage.message_alone()).kind == Kind::Continue);
  CHECK(stage.fake.heard.front() == "A");
  stage.fake.heard.clear();
  CHECK(stage.loop.run_until(stage.message_alone()).kind == Kind::Continue);
  CHECK(std::ranges::find(stage.fake.heard, "A") == stage.fake.heard.end());
}

TEST_CASE("a milter changes header, body, recipients and sender, and holds the message") {
  Stage stage;
  stage.fake.answers['E'] =
      milter_answer('h', "X-A\0one\n two\0"s) + milter_answer('i', "\0\0\0\0X-B\0two\0"s) +
      milter_answer('m', "\0\0\0\1Subject\0new\0"s) + milter_answer('+', "<c@example.com>\0"s) +
      milter_answer('2', "<d@example.com>\0NOTIFY=NEVER\0"s) +
      milter_answer('-', "<bob@example.com>\0"s) + milter_answer('e', "<eve@example.net>\0"s) +
      milter_answer('b', "new\r") + milter_answer('b', "\nbo\rdy") +
      milter_answer('q', "a virus\0"s) + milter_answer('c');
  auto answer = stage.play();
  CHECK(answer.kind == Kind::Continue);
  CHECK(answer.hold == "a virus");
  CHECK(stage.message.top ==
        "X-B: two\nReceived: ours\nSubject: new\nTo:  y\n\tz\nX-A: one\n two\n");
  CHECK(stage.message.body == "new\nbo\rdy\n");
  CHECK(stage.message.done == Strings{"add <c@example.com> ", "add <d@example.com> NOTIFY=NEVER",
                                      "remove <bob@example.com>", "from <eve@example.net>"});
}

TEST_CASE("a milter may change only what it has negotiated, and only at the end") {
  Stage stage;
  stage.fake.offer = milter_offer_data(6, milter_actions::add_header, 0);
  stage.fake.answers['E'] = milter_answer('b', "new") + milter_answer('c');
  CHECK(stage.play().reply == "451 4.7.1 Service unavailable - try again later");
  CHECK(stage.message.body == "one\n.two\n");
  CHECK(stage.has_logged("it asks for a change that it has not negotiated"));

  Stage early;
  early.fake.answers['M'] = milter_answer('h', "X-A\0one\0"s) + milter_answer('c');
  CHECK(early.play().kind == Kind::Refuse);
  CHECK(early.has_logged("it asks for a change before the end of the message"));
}

TEST_CASE("a milter that can't be asked stands for its default action, for the whole session") {
  struct Row {
    std::string action;
    Kind kind;
    std::string reply;
    bool is_held;
  };
  for (const Row& row :
       {Row{"accept", Kind::Continue, "", false},
        Row{"tempfail", Kind::Refuse, "451 4.7.1 Service unavailable - try again later", false},
        Row{"reject", Kind::Refuse, "550 5.5.0 Service unavailable", false},
        Row{"shutdown", Kind::Refuse, "421 4.7.1 Service unavailable - try again later", false},
        Row{"quarantine", Kind::Continue, "", true}}) {
    CAPTURE(row.action);
    for (const char* how : {"down", "close", "garbage", "offer"}) {
      CAPTURE(how);
      Stage stage({"milter_default_action=" + row.action});
      stage.is_down = how == "down"s;
      if (how == "close"s) stage.fake.answers['L'] = "close";
      if (how == "garbage"s) stage.fake.answers['H'] = "\xff\xff\xff\xff";
      if (how == "offer"s) stage.fake.answers['O'] = milter_answer('O', "\0\0\0\7"s);
      auto answer = stage.play();
      CHECK(answer.kind == row.kind);
      CHECK(answer.reply == row.reply);
      CHECK(answer.hold.has_value() == row.is_held);
      CHECK(stage.has_logged("warning: milter inet:127.0.0.1:1: "));
      CHECK(stage.loop.run_until(stage.message_alone()).kind == row.kind);
      CHECK(stage.fake.connections <= 1);
    }
  }
}

TEST_CASE("a milter that breaks off a new body is not accepted by default") {
  Stage stage({"milter_default_action=accept"});
  stage.fake.answers['E'] = milter_answer('b', "half") + milter_answer('!');
  CHECK(stage.play().reply == "451 4.7.1 Service unavailable - try again later");
}

TEST_CASE("a silent milter costs its time-out, and one that reports progress a multiple of it") {
  Stage silent({"milter_command_timeout=1s"});
  silent.fake.mute = "M";
  CHECK(silent.play().kind == Kind::Refuse);
  CHECK(silent.has_logged("no answer in time"));
}

TEST_CASE("a milter makes no more than milter_changes_max changes") {
  Stage stage;
  std::string many;
  for (std::size_t i = 0; i <= milter_changes_max; ++i) many += milter_answer('h', "X\0y\0"s);
  stage.fake.answers['E'] = many + milter_answer('c');
  CHECK(stage.play().kind == Kind::Refuse);
  CHECK(stage.has_logged("more than 1000 changes of one message"));
}

TEST_CASE("a new body that is too large is refused for good, whatever the default action") {
  Stage stage({"milter_default_action=accept"});
  stage.fake.answers['E'] = milter_answer('b', std::string(100001, 'x')) + milter_answer('c');
  CHECK(stage.play().reply == "552 5.3.4 too large");
}

TEST_CASE("a milter that answers ahead does not make us keep what it does not read") {
  Stage stage;
  std::string ahead;
  for (int i = 0; i < 1000; ++i) ahead += milter_answer('c');
  stage.fake.answers['N'] = ahead;
  stage.fake.mute = "BE";
  stage.message.body.assign(3'000'000, 'x');
  CHECK(stage.play().kind == Kind::Continue);
  stage.settle();
  auto told = std::ranges::count_if(stage.fake.heard,
                                    [](const std::string& one) { return one.front() == 'B'; });
  CHECK(told > 40);
}
