#include "smtpd/delivery/local.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/log.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

struct Chooser final : store::DeliveryFilter {
  store::DeliveryChoice choice;
  int asked = 0;
  store::DeliveryChoice choose(const store::Delivery&) override {
    ++asked;
    return choice;
  }
};

struct Home {
  Scratch scratch;
  Chooser filter;
  LogCapture log;
  std::shared_ptr<const Config> config = config_for_test();

  Outcome deliver(std::string header = "Subject: x\n") {
    Attempt attempt;
    attempt.body = header + "\nbody\n";
    attempt.envelope.id = QueueId("4Zk2Qn1");
    attempt.envelope.sender = "ann@example.net";
    attempt.envelope.body_bytes = attempt.body.size();
    Piece whole;
    whole.length = attempt.body.size();
    attempt.envelope.pieces = {whole};
    attempt.route.transport = Transport::Local;
    attempt.route.account.name = "bob@here.test";
    attempt.route.account.mail_location = "maildir:" + scratch / "Maildir";
    Recipient recipient;
    recipient.number = 7;
    recipient.address = recipient.original = "bob@here.test";
    attempt.envelope.recipients = {recipient};
    return deliver_locally(*config, attempt, recipient, -1, filter);
  }
  int count(const std::string& folder) const {
    int files = 0;
    for (const char* part : {"new", "cur"}) {
      std::error_code none;
      for (const auto& file :
           std::filesystem::directory_iterator(scratch.path() / "Maildir" / folder / part, none)) {
        files += file.is_regular_file() ? 1 : 0;
      }
    }
    return files;
  }
};

std::vector<std::string> addresses(const Outcome& outcome) {
  std::vector<std::string> all;
  for (const auto& child : outcome.children) all.push_back(child.address);
  return all;
}

store::AutomaticReply reply() {
  store::AutomaticReply made;
  made.recipient = "ann@example.net";
  made.text = "Auto-Submitted: auto-replied\n\naway\n";
  return made;
}

}  // namespace

TEST_CASE("junk is stored in its own folder, which is made for it") {
  Home home;
  store::KeepInFolder junk("Junk");
  home.filter.choice = junk.choose(store::Delivery());
  auto made = home.deliver();
  CHECK(made.kind == OutcomeKind::Delivered);
  CHECK(home.count(".Junk") == 1);
  CHECK(home.count("") == 0);
}

TEST_CASE("what a filter wants beside copies goes back to the queue with the outcome") {
  Home home;
  auto& choice = home.filter.choice;
  choice.placements = {store::Placement(), store::Placement{"Work", store::Flags::Flagged, {}}};
  choice.redirects = {"Carol@Example.com"};
  choice.replies = {reply()};
  auto outcome = home.deliver();
  CHECK(outcome.kind == OutcomeKind::Delivered);
  CHECK(outcome.reason == "delivered to maildir");
  CHECK(outcome.recipient == 7);
  CHECK(outcome.is_repeatable);
  REQUIRE(addresses(outcome).size() == 1);
  CHECK(outcome.children[0].kind == RecipientKind::Address);
  REQUIRE(outcome.replies.size() == 1);
  CHECK(outcome.replies[0].recipient == "ann@example.net");
  CHECK(home.count("") == 1);
  CHECK(home.count(".Work") == 1);
}

TEST_CASE("a filter that keeps no copy redirects, answers or discards") {
  Home home;
  auto outcome = home.deliver();
  CHECK(outcome.kind == OutcomeKind::Discarded);
  CHECK(outcome.reason == "discarded by filter");
  home.filter.choice.replies = {reply()};
  outcome = home.deliver();
  CHECK(outcome.kind == OutcomeKind::Discarded);
  CHECK(outcome.reason == "answered by filter");
  CHECK(outcome.replies.size() == 1);
  home.filter.choice.redirects = {"carol@example.com", "dave@example.com"};
  outcome = home.deliver();
  CHECK(outcome.kind == OutcomeKind::Expand);
  CHECK(outcome.reason == "redirected by filter");
  CHECK(addresses(outcome) == std::vector<std::string>{"carol@example.com", "dave@example.com"});
  CHECK_FALSE(outcome.is_repeatable);
  CHECK(home.count("") == 0);
}

TEST_CASE("a filter's redirect to its own recipient is a copy in INBOX") {
  Home home;
  home.filter.choice.redirects = {"BOB@Here.Test", "carol@example.com"};
  auto outcome = home.deliver();
  CHECK(outcome.kind == OutcomeKind::Delivered);
  CHECK(addresses(outcome) == std::vector<std::string>{"carol@example.com"});
  CHECK(home.count("") == 1);
}

TEST_CASE("a redirect that comes back bounces before any filter is asked") {
  Home home;
  home.filter.choice.redirects = {"carol@example.com"};
  auto outcome = home.deliver("Delivered-To: bob@here.test\nSubject: x\n");
  CHECK(outcome.kind == OutcomeKind::Bounce);
  CHECK(outcome.status == "5.4.6");
  CHECK(outcome.children.empty());
  CHECK(home.filter.asked == 0);
}

TEST_CASE("the log says where a filter's wish could not be met") {
  Home home;
  home.filter.choice.placements = {store::Placement{"../x", {}, {}}};
  CHECK(home.deliver().kind == OutcomeKind::Delivered);
  CHECK(home.log.last().starts_with("local: warning: 4Zk2Qn1: bob@here.test: folder ../x: "));
  CHECK(home.count("") == 1);
}
