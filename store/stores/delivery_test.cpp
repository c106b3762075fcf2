#include "store/mailbox/delivery.h"

#include <doctest/doctest.h>

#include <functional>

#include "common/base/scratch.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;
using Format = MailLocation::Format;
using Kind = DeliveryOutcome::Kind;

namespace {

struct Account {
  Scratch scratch;
  StoreSettings settings;
  MailLocation location;

  explicit Account(Format format) {
    settings.fsync = false;
    location.format = format;
    location.root = location.index = scratch / "mail";
    location.inbox = format == Format::Maildir ? location.root : scratch / "inbox";
  }
  std::unique_ptr<MailStore> store() const { return open_store(location, settings); }
  /// 0 where there is no such folder.
  std::size_t count(const std::string& folder) const {
    auto mail = store();
    auto status = mail->status(*mail->parse_name(folder));
    return status ? status->messages : 0;
  }
};

struct Chooser final : DeliveryFilter {
  DeliveryChoice choice;
  DeliveryChoice choose(const Delivery&) override { return choice; }

  Chooser& place(std::string folder, Flags flags = {}, std::vector<std::string> keywords = {}) {
    choice.placements.push_back(Placement{std::move(folder), flags, std::move(keywords)});
    return *this;
  }
};

AutomaticReply reply(std::string text = "Auto-Submitted: auto-replied\n\nI am away.\n") {
  AutomaticReply made;
  made.recipient = "ann@example.net";
  made.text = std::move(text);
  return made;
}

DeliveryOutcome deliver(const Account& account, Chooser& filter, std::uint32_t number = 1,
                        std::string_view body = "Subject: x\n\n") {
  Delivery delivery;
  delivery.return_path = "ann@example.net";
  delivery.queue_id = "4Zk2Qn1";
  delivery.recipient_number = number;
  delivery.arrival_seconds = 1'700'000'000;
  delivery.body = {body};
  return account.store()->deliver(delivery, filter);
}

const auto in_both_formats = [](const std::function<void(Account&)>& test) {
  for (auto format : {Format::Maildir, Format::Mbox}) {
    CAPTURE(static_cast<int>(format));
    Account account(format);
    test(account);
  }
};

}  // namespace

TEST_CASE("a filter's copies lie in their folders, one in each, and its other wishes come back") {
  in_both_formats([](Account& account) {
    Chooser filter;
    filter.place("INBOX").place("Work", Flags::Flagged, {"later"});
    filter.place("inbox", Flags::Seen).place("Work", Flags::Seen, {"later", "soon"});
    filter.choice.redirects = {"carol@example.com"};
    filter.choice.replies = {reply()};
    auto outcome = deliver(account, filter);
    CHECK(outcome.kind == Kind::Delivered);
    CHECK(outcome.warnings.empty());
    CHECK(outcome.redirects == std::vector<std::string>{"carol@example.com"});
    CHECK(outcome.replies.size() == 1);
    auto store = account.store();
    auto inbox = *store->open(MailboxName::inbox(), Access::ReadOnly);
    REQUIRE(inbox->messages().size() == 1);
    CHECK(inbox->messages()[0].flags == Flags::Seen);
    auto work = *store->open(*store->parse_name("Work"), Access::ReadOnly);
    REQUIRE(work->messages().size() == 1);
    CHECK(work->messages()[0].flags == (Flags::Flagged | Flags::Seen));
    CHECK(work->keyword_names(work->messages()[0].keywords) ==
          std::vector<std::string>{"later", "soon"});
  });
}

TEST_CASE("a message for which nothing is chosen is discarded, and a refused one bounces") {
  in_both_formats([](Account& account) {
    Chooser filter;
    filter.choice.redirects = {"carol@example.com"};
    auto outcome = deliver(account, filter);
    CHECK(outcome.kind == Kind::Discarded);
    CHECK(outcome.reason == "discarded by filter");
    CHECK(outcome.redirects.size() == 1);
    filter.place("INBOX").choice.refusal = "not wanted";
    outcome = deliver(account, filter);
    CHECK(outcome.kind == Kind::Bounce);
    CHECK(outcome.dsn == "5.7.1");
    CHECK(outcome.reason == "not wanted");
    CHECK(outcome.redirects.empty());
    CHECK(account.count("INBOX") == 0);
  });
}

TEST_CASE("a copy that can't be placed is kept in INBOX, once, and the log is told") {
  in_both_formats([](Account& account) {
    Chooser filter;
    filter.place("../x").place("Work").place("a/../b");
    filter.choice.redirects = {"carol@example.com"};
    auto outcome = deliver(account, filter, 1);
    CHECK(outcome.kind == Kind::Delivered);
    REQUIRE(outcome.warnings.size() == 2);
    CHECK(outcome.warnings[0].starts_with("folder ../x: "));
    CHECK(outcome.redirects.size() == 1);
    CHECK(account.count("INBOX") == 1);
    CHECK(account.count("Work") == 1);
    filter.place("INBOX", Flags::Flagged);
    deliver(account, filter, 2);
    CHECK(account.count("INBOX") == 2);
  });
}

TEST_CASE("keywords for which INBOX has no room don't keep a message out of it") {
  Account account(Format::Maildir);
  Chooser filter;
  std::vector<std::string> words;
  for (std::size_t i = 0; i <= keywords_per_mailbox_max; ++i) {
    words.push_back("word" + std::to_string(i));
  }
  filter.place("INBOX", Flags::Flagged, words);
  CHECK(deliver(account, filter).kind == Kind::Delivered);
  CHECK(account.count("INBOX") == 1);
}

TEST_CASE("of a message that is stored nowhere nothing else is done") {
  in_both_formats([](Account& account) {
    account.settings.quota_bytes = 20;
    account.settings.mailbox_size_limit = Limit(20);
    Chooser filter;
    filter.place("Work");
    filter.choice.redirects = {"carol@example.com"};
    filter.choice.replies = {reply()};
    auto outcome = deliver(account, filter);
    CHECK(outcome.kind == Kind::Bounce);
    CHECK(outcome.dsn == "5.2.2");
    CHECK_FALSE(outcome.is_partly_done);
    CHECK(outcome.redirects.empty());
    CHECK(outcome.replies.empty());
  });
}

TEST_CASE("where a Maildir has room for some copies, the others come later, and none twice") {
  Account account(Format::Maildir);
  account.settings.quota_bytes = 80;
  Chooser filter;
  filter.place("Work", Flags::Flagged).place("Later");
  auto outcome = deliver(account, filter);
  CHECK(outcome.kind == Kind::Retry);
  CHECK(outcome.dsn == "4.2.2");
  CHECK(outcome.is_partly_done);
  account.settings.quota_bytes = 8000;
  outcome = deliver(account, filter);
  CHECK(outcome.kind == Kind::Delivered);
  CHECK(account.count("Work") == 1);
  CHECK(account.count("Later") == 1);
  CHECK(account.count("INBOX") == 0);
}

TEST_CASE("an mbox account that has a copy does not get it again for one that fails") {
  Account account(Format::Mbox);
  Chooser keep;
  keep.place("INBOX");
  deliver(account, keep);
  account.settings.mailbox_size_limit = Limit(150);
  std::string body = "Subject: x\n\n" + std::string(40, 'x');
  Chooser filter;
  filter.place("Work").place("../x");
  auto outcome = deliver(account, filter, 2, body);
  CHECK(outcome.kind == Kind::Delivered);
  CHECK(outcome.warnings.size() == 1);
  CHECK(account.count("Work") == 1);
  CHECK(account.count("INBOX") == 1);
}

TEST_CASE("a choice that can't be carried out as a whole is a plain copy in INBOX") {
  struct Row {
    const char* told;
    std::function<void(DeliveryChoice&)> spoil;
  };
  const std::vector<Row> rows{
      {"33 actions",
       [](auto& choice) {
         choice.placements.resize(33, Placement{"Work", {}, {}});
       }},
      {"lacks a domain", [](auto& choice) { choice.redirects = {"carol"}; }},
      {"address", [](auto& choice) { choice.redirects = {"<>"}; }},
      {"Auto-Submitted", [](auto& choice) { choice.replies = {reply("Subject: x\n\n")}; }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.told);
    in_both_formats([&](Account& account) {
      Chooser filter;
      filter.place("Work", Flags::Seen);
      row.spoil(filter.choice);
      auto outcome = deliver(account, filter);
      CHECK(outcome.kind == Kind::Delivered);
      REQUIRE(outcome.warnings.size() == 1);
      CHECK(outcome.warnings[0].find(row.told) != std::string::npos);
      CHECK(outcome.redirects.empty());
      CHECK(outcome.replies.empty());
      CHECK(account.count("Work") == 0);
      CHECK(account.count("INBOX") == 1);
    });
  }
}

TEST_CASE("a reply is a message that says that no person sent it, and has bounds") {
  const std::string head = "Auto-Submitted: auto-replied (vacation)\nSubject: away\n\n";
  CHECK(check_reply(reply(head + "x\n")));
  CHECK(check_reply(reply(head + std::string(delivery_reply_bytes_max - head.size(), 'x'))));
  for (const auto& text :
       {std::string(), std::string("no header\n"), std::string("Auto-Submitted: no\n\n"),
        "\n" + head, head + "a\rb\n", head + std::string(1, '\0'), "From ann\n" + head,
        head + std::string(delivery_reply_bytes_max - head.size() + 1, 'x')}) {
    CAPTURE(text.substr(0, 60));
    CHECK_FALSE(check_reply(reply(text)));
  }
  auto to_nobody = reply(head);
  to_nobody.recipient.clear();
  CHECK_FALSE(check_reply(to_nobody));
}
