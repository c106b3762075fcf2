// GETQUOTA, GETQUOTAROOT and SETQUOTA: what an account uses of its quota, and what an admin lets it
// use.
//
// There is one quota root for all mailboxes of an account; an account without a quota has none. The
// quota of a mailbox that another user shares is its owner's, and is not shown, as in Dovecot: it
// tells more than the mailbox that is shared. A user whose entry has admin=yes sees and sets it,
// by the root USER:User quota, which is Dovecot's name for it.
//
// STANDARDS  RFC 9208 sections 4.1.1 to 4.1.3, section 6 (rights)
// SEE ALSO   ../session/quota_desk.h
#include "imapd/grammar/quota.h"
#include "common/base/text.h"
#include "imapd/command/handlers.h"
#include "imapd/response/metadata.h"
#include "imapd/session/context.h"
#include "imapd/session/quota_desk.h"
#include "store/mailbox/quota_rules.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {
namespace {

constexpr std::uint64_t storage_unit = 1024;
using Found = Result<std::optional<store::Usage>>;

QuotaDesk* desk_of_admin(const SessionContext& context) {
  return context.who().account->is_admin ? context.worker().quotas : nullptr;
}

Error no_such_root() { return Error(550, ResponseCode::NonExistent, "No such quota root"); }

std::string root_of(const std::string& owner) { return owner + ":" + std::string(quota_root); }

/// Whose quota it is, by the root's name; nothing if it is nobody's, or not ours to see.
std::optional<std::string> owner_of_root(const SessionContext& context, std::string_view root) {
  if (root == quota_root) return context.who().account->name;
  const std::string end = root_of("");
  bool is_others = desk_of_admin(context) != nullptr && root.ends_with(end);
  if (!is_others || root.size() == end.size()) return std::nullopt;
  return std::string(root.substr(0, root.size() - end.size()));
}

/// Where the file of the quota is missing or too old, all messages are counted. An admin sees what
/// has been set since this session began.
Found usage_of(const SessionContext& context, const std::string& owner) {
  auto* desk = desk_of_admin(context);
  return desk != nullptr ? desk->of(owner) : context.store().quota();
}

/// RFC 9208 section 6: the figures of messages need the right to read the mailbox. One that does
/// not exist has no list of rights.
Result<void> may_see(store::MailStore& store, const store::MailboxName& name) {
  auto* sharing = store.sharing();
  if (sharing == nullptr) return {};
  auto rights = sharing->my_rights(name);
  if (!rights || rights->has_any(store::Rights::Read)) return {};
  return Error(550, ResponseCode::NoPerm, "You may not read the mailbox");
}

/// The limits that SETQUOTA asks for. Error: a resource that we do not limit, or a limit that we
/// can't keep.
Result<SetLimits> limits_of_request(const SetQuotaRequest& request) {
  SetLimits limits;
  for (const auto& [name, limit] : request.limits) {
    bool is_storage = name == "STORAGE";
    if (!is_storage && name != "MESSAGE") {
      return Error(550, ResponseCode::Cannot,
                   "There is no limit of " + name + " here, only of STORAGE and MESSAGE");
    }
    // Where limits are written, 0 stands for none.
    if (limit == 0) {
      return Error(550, ResponseCode::Cannot,
                   "A limit of 0 is not possible; for no limit, leave out " + name);
    }
    const std::uint64_t unit = is_storage ? storage_unit : 1;
    if (limit > store::QuotaRules::amount_max / unit) {
      return Error(550, ResponseCode::Limit, "The limit of " + name + " is too large");
    }
    (is_storage ? limits.bytes : limits.messages) = limit * unit;
  }
  return limits;
}

}  // namespace

Task<Reply> get_quota(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto root, parse_quota_root(command.arguments, context.limits()));
  auto owner = owner_of_root(context, root);
  if (!owner) co_return no_such_root();
  CO_TRY(auto usage,
         co_await context.heavy_lane().offload([&] { return usage_of(context, *owner); }));
  if (!usage) co_return no_such_root();
  context.put(quota_line(*usage, root));
  co_return Reply::ok("Getquota completed.");
}

Task<Reply> get_quota_root(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  // RFC 9208 section 4.1.2: it need not exist.
  CO_TRY(auto name, context.mailbox_name(wire));
  auto& store = context.store();
  auto shared_by = store.sharing() ? store.sharing()->owner_of(name) : std::nullopt;
  if (shared_by && desk_of_admin(context) == nullptr) {
    co_return Reply::no(ResponseCode::NoPerm, "The quota of other users is not shown.");
  }
  const std::string owner = shared_by.value_or(context.who().account->name);
  const std::string root = shared_by ? root_of(owner) : std::string(quota_root);
  auto look = [&]() -> Found {
    if (!shared_by) {
      TRY_DO(may_see(store, name));
    }
    return usage_of(context, owner);
  };
  CO_TRY(auto usage, co_await context.heavy_lane().offload(look));
  bool has_root = usage && (shared_by || store.counts_for_quota(name));
  context.put(quota_root_line(name.text(), has_root ? root : "", context.name_form()));
  if (has_root) context.put(quota_line(*usage, root));
  co_return Reply::ok("Getquotaroot completed.");
}

Task<Reply> set_quota(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_set_quota(command.arguments, context.limits()));
  auto* desk = desk_of_admin(context);
  if (desk == nullptr) {
    co_return Reply::no(ResponseCode::NoPerm, "Only an admin may set the quota.");
  }
  auto owner = owner_of_root(context, request.root);
  if (!owner) co_return no_such_root();
  CO_TRY(auto limits, limits_of_request(request));
  // So that a misspelt name is told as such.
  CO_TRY_DO(co_await context.heavy_lane().offload([&] { return desk->of(*owner); }));
  auto setting = desk->set(context.who().account->name, *owner, limits);
  CO_TRY_DO(co_await std::move(setting));
  CO_TRY(auto usage, co_await context.heavy_lane().offload([&] { return desk->of(*owner); }));
  // Without a limit there is no root, and no line of it.
  if (usage) context.put(quota_line(*usage, request.root));
  co_return Reply::ok("Setquota completed.");
}

}  // namespace pennypost::imap
