// Handlers of keep, fileinto, redirect, discard, reject and ereject.
//
// STANDARDS  RFC 5228 section 4, RFC 3894 (:copy), RFC 5429, RFC 5232 section 5 (:flags),
//            RFC 5490 section 3.2 (:create), RFC 8579 section 4.2 (:specialuse), RFC 6134 (:list)
#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/unicode.h"
#include "store/sieve/flag_list.h"
#include "store/sieve/handlers.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {
namespace {

/// Those after :flags, else the script's.
std::vector<std::string> flags_for(Run& run, const Command& command) {
  const auto* given = command.find(Tag::Flags);
  if (given == nullptr) return run.flags();
  std::vector<std::string> flags;
  for (const auto& text : given->strings) add_flags(flags, run.text(text));
  return flags;
}

Result<void> redirect_to(Run& run, const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (!address || !address->domain()) {
    return Error::permanent("\"" + printable(text, 100) + "\" is no mail address with a domain");
  }
  Redirect redirect;
  redirect.address = address->text();
  redirect.form = run.message().form_to_redirect();
  return run.add(std::move(redirect));
}

Result<void> refuse(Run& run, const Command& command, bool is_extended) {
  Reject refusal;
  refusal.reason = run.text(command.arguments[0]);
  refusal.is_extended = is_extended;
  run.cancel_implicit_keep();
  return run.add(std::move(refusal));
}

}  // namespace

Result<void> keep(Run& run, const Command& command) {
  FileInto copy;
  copy.flags = flags_for(run, command);
  copy.form = run.message().form();
  run.cancel_implicit_keep();
  return run.add(std::move(copy));
}

Result<void> fileinto(Run& run, const Command& command) {
  FileInto copy;
  copy.is_keep = false;
  copy.mailbox = run.text(command.arguments[0]);
  if (copy.mailbox.empty() || !is_utf8(copy.mailbox) ||
      copy.mailbox.find('\0') != std::string::npos) {
    return Error::permanent("\"" + printable(copy.mailbox, 100) + "\" is no name of a mailbox");
  }
  copy.special_use = run.text_after(command, Tag::SpecialUse);
  copy.creates = command.has(Tag::Create);
  copy.flags = flags_for(run, command);
  copy.form = run.message().form();
  if (!command.has(Tag::Copy)) run.cancel_implicit_keep();
  return run.add(std::move(copy));
}

Result<void> redirect(Run& run, const Command& command) {
  if (!command.has(Tag::Copy)) run.cancel_implicit_keep();
  auto target = run.text(command.arguments[0]);
  if (!command.has(Tag::List)) return redirect_to(run, target);
  TRY(auto members, run.environment().members(target));
  for (const auto& member : members) {
    TRY_DO(redirect_to(run, member));
  }
  return {};
}

Result<void> discard(Run& run, const Command&) {
  run.cancel_implicit_keep();
  return {};
}

Result<void> reject(Run& run, const Command& command) { return refuse(run, command, false); }

Result<void> ereject(Run& run, const Command& command) { return refuse(run, command, true); }

}  // namespace pennypost::store::sieve
