#include "store/mailbox/disk_names.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

namespace {

MailboxName name(std::string_view text, char separator) {
  auto parsed = MailboxName::parse(text, separator);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("a prefix and another separator are outside only, and INBOX has neither") {
  DiskNames names("INBOX.", '.', '.', '\0');
  CHECK(*names.on_disk(name("INBOX.Lists.C++", '.')) == "Lists.C++");
  CHECK(*names.on_disk(MailboxName::inbox()) == "INBOX");
  CHECK(names.outside("Lists.C++") == name("INBOX.Lists.C++", '.'));
  CHECK(names.outside("INBOX") == MailboxName::inbox());
  CHECK(names.without_prefix(name("INBOX.a", '.')) == "a");
  auto refused = names.on_disk(name("Lists", '.'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "Mailbox name must begin with INBOX.");

  DiskNames slashes("", '/', '.', '\0');
  CHECK(*slashes.on_disk(name("a/b", '/')) == "a.b");
  CHECK(slashes.outside("a.b") == name("a/b", '/'));
  CHECK_FALSE(slashes.on_disk(name("a.b/c", '/')));
}

TEST_CASE("with LISTESCAPE a level may hold the separator of the disk") {
  DiskNames names("", '/', '.', '\\');
  CHECK(*names.on_disk(name("v1.0/~x/a\\b", '/')) == "v1\\2e0.\\7ex.a\\5cb");
  CHECK(names.outside("v1\\2e0.\\7ex.a\\5cb") == name("v1.0/~x/a\\b", '/'));
  CHECK(names.outside("a\\2") == name("a\\2", '/'));
}
