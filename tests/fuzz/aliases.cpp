// The text of an alias, :include: file or .forward in; no crash, and recipients that keep the
// rules, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/config/testing.h"
#include "common/mail/address.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/routing/next_hop.h"

using namespace pennypost;
using namespace pennypost::smtp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto config = config_for_test({"allow_mail_to_commands=alias"});
  std::string text(reinterpret_cast<const char*>(data), size);
  ExpansionRules rules;
  rules.place = "alias";
  rules.read_list = [&](const std::string&) -> Result<IncludedList> {
    IncludedList list;
    list.text = text;
    return list;
  };
  Recipient parent;
  parent.address = "list@example.com";
  for (auto items : {store::parse_alias_items(text), store::parse_alias_file(text, "file")}) {
    if (!items) continue;
    auto children = expand_items(*items, parent, *config, rules);
    if (!children) continue;
    ASSERT(children->size() <= expansion_items_max);
    for (const auto& child : *children) {
      ASSERT(!child.address.empty());
      if (child.kind != RecipientKind::Address) continue;
      auto address = MailAddress::parse(child.address, Utf8::Allowed);
      ASSERT(address && address->domain());
    }
  }
  auto hop = NextHop::parse(text);
  if (hop) {
    auto again = NextHop::parse(hop->text());
    ASSERT(again && again->host == hop->host && again->port == hop->port);
  }
  return 0;
}
