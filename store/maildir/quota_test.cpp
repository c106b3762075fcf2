#include "store/maildir/quota.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "common/base/scratch.h"
#include "store/mailbox/quota_rules.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("the lines of maildirsize add up") {
  auto size = MaildirSize::parse("1000S,10C\n500 5\n\n-100 -1\n");
  CHECK(size.is_sound);
  CHECK(size.usage.bytes_max == 1000);
  CHECK(size.usage.messages_max == 10);
  CHECK(size.usage.bytes == 400);
  CHECK(size.usage.messages == 4);
}

TEST_CASE("a maildirsize whose sums no number holds is counted anew") {
  const std::string greatest = "9223372036854775807 1\n";
  for (const std::string& lines :
       {greatest + greatest, greatest + "1 9223372036854775807\n", std::string("-1 0\n"),
        std::string("-9223372036854775808 0\n-1 0\n"), std::string("1\n"), std::string("1 2 3\n"),
        std::string("x 1\n")}) {
    auto size = MaildirSize::parse("1000S\n" + lines);
    CHECK_FALSE(size.is_sound);
    CHECK(size.usage.bytes_max == 1000);
    CHECK(size.usage.bytes == 0);
  }
}

namespace {

struct Maildir {
  Scratch scratch;
  StoreSettings settings;
  MailLocation location;

  explicit Maildir(std::string_view rules) {
    auto parsed = QuotaRules::parse(rules);
    REQUIRE(parsed);
    location.root = location.inbox = scratch / "m";
    settings.quota_bytes = parsed->limits().bytes;
    settings.quota_messages = parsed->limits().messages;
    settings.quota_rules = std::make_shared<const QuotaRules>(*parsed);
    for (const char* folder : {"", "/.Trash", "/.Spam"}) {
      for (const char* part : {"/new", "/cur", "/tmp"}) {
        std::filesystem::create_directories(scratch / "m" + folder + part);
      }
    }
  }
  MaildirQuota quota() const { return MaildirQuota(location, settings); }
  void put(const std::string& folder, std::size_t bytes) const {
    std::ofstream(scratch / "m" + folder + "/cur/" + std::to_string(bytes))
        << std::string(bytes, 'x');
  }
};

}  // namespace

TEST_CASE("a full account still takes what goes to a mailbox with more room, or is not counted") {
  Maildir maildir("*:bytes=1000 Trash:bytes=+10% Spam:ignore");
  maildir.put("", 950);
  auto quota = maildir.quota();
  CHECK_FALSE(quota.check("INBOX", 100, 1));
  CHECK(quota.check("Trash", 100, 1));
  CHECK_FALSE(quota.check("Trash", 200, 1));
  CHECK(quota.check("Spam", 5000, 1));
  quota.add("Spam", 5000, 1);
  CHECK(quota.usage()->bytes == 950);
  quota.add("Trash", 30, 1);
  CHECK(quota.usage()->bytes == 980);
}

TEST_CASE("a new count leaves out the mailboxes that are not counted") {
  Maildir maildir("*:bytes=10000 Spam:ignore");
  maildir.put("", 100);
  maildir.put("/.Trash", 20);
  maildir.put("/.Spam", 3000);
  auto used = maildir.quota().recount();
  REQUIRE(used);
  CHECK(used->bytes == 120);
  CHECK(used->messages == 2);
  maildir.put("/.Trash", 30);
  CHECK(maildir.quota().usage()->bytes == 120);
  CHECK(maildir.quota().recount()->bytes == 150);
  CHECK(maildir.quota().usage()->bytes == 150);
}

TEST_CASE("a rule of 0 lifts the limit that the file still has") {
  Maildir limited("*:bytes=100");
  limited.put("", 90);
  CHECK_FALSE(limited.quota().check("INBOX", 20, 1));
  Maildir lifted("*:storage=0");
  std::ofstream(lifted.scratch / "m/maildirsize") << "100S\n90 1\n";
  CHECK(lifted.quota().check("INBOX", 20, 1));
  CHECK_FALSE(lifted.quota().usage()->bytes_max);
}

TEST_CASE("the answer of a full mailbox is that of quota_exceeded") {
  Maildir maildir("*:bytes=100");
  maildir.put("", 90);
  maildir.settings.quota_exceeded_code = 552;
  maildir.settings.quota_exceeded_message = "No room here";
  auto refused = maildir.quota().check("INBOX", 20, 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == 552);
  CHECK(refused.error().text() == "No room here");
}
