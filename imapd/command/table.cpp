#include "imapd/command/table.h"

#include <algorithm>

#include "common/base/text.h"
#include "imapd/command/capability.h"
#include "imapd/session/context.h"
#include "imapd/session/login_context.h"

namespace pennypost::imap {
namespace {

// What no command brings: the protocol, and how literals may be written. Of the last two the first
// that is not hidden is told, as RFC 7888 section 5 allows but one.
constexpr std::string_view base_capabilities = "IMAP4rev1 LITERAL+ LITERAL-";

std::string with_one_literal(std::string capabilities) {
  auto names = words(capabilities, " ");
  bool takes_all = std::ranges::find(names, "LITERAL+") != names.end();
  return takes_all ? without(std::move(capabilities), "LITERAL-") : capabilities;
}

// What the settings, or the kind of account, take away of a row that may be there for more.
bool is_offered(const Conversation& context, std::string_view name) {
  if (name.ends_with("METADATA")) return context.settings().imap_metadata;
  if (name == "QUOTASET") return context.sets_quota();
  bool is_of_acl = name == "ACL" || name == "LIST-MYRIGHTS" || name == "RIGHTS=kxte";
  return !is_of_acl || context.offers_acl();
}

template <class Context>
Task<Reply> call_handler(const Handler& handler, Context& context, const CommandHead& command) {
  if (const auto* any = std::get_if<0>(&handler)) return (*any)(context, command);
  using Own = Task<Reply> (*)(Context&, const CommandHead&);
  return std::get<Own>(handler)(context, command);
}

}  // namespace

bool names_by_number(const Command& row) {
  return row.name != "EXPUNGE" && find_command(commands, "UID " + std::string(row.name)) != nullptr;
}

Task<Reply> Command::call(LoginContext& context, const CommandHead& command) const {
  return call_handler(handler, context, command);
}

Task<Reply> Command::call(SessionContext& context, const CommandHead& command) const {
  return call_handler(handler, context, command);
}

bool is_announced(const Conversation& context, std::string_view name) {
  auto text = capability_text(context);
  auto names = words(text, " ");
  return std::ranges::any_of(names, [&](auto own) { return equal_nocase(own, name); });
}

std::string capability_text(const Conversation& context) {
  auto login = context.login_capabilities();
  std::string out(base_capabilities);
  for (const auto& row : commands) {
    bool is_told = row.told == Told::Always || !login;
    if (!is_told || row.capability.empty()) continue;
    for (auto name : words(row.capability, " ")) {
      if (is_offered(context, name)) out.append(" ").append(name);
    }
  }
  out += context.store_capabilities();
  // How to log in is told in any case.
  auto told = with_setting(std::move(out), context.settings().imap_capability);
  told = without(std::move(told), context.hidden_capabilities());
  return with_one_literal(std::move(told)) + login.value_or("");
}

}  // namespace pennypost::imap
