// GETMETADATA and SETMETADATA: the annotations of mailboxes and of the account.
//
// Of an account's own mailboxes, /private and /shared differ only in what those see with whom they
// are shared. Server annotations are the account's own. That SETMETADATA raises the mailbox's
// mod-sequence, and who may do what, is the store's affair.
//
// STANDARDS  RFC 5464, RFC 6154 section 4 (/private/specialuse), RFC 7162 section 3.2
// SEE ALSO   store/mailbox/annotations.h, store/sharing/shared_store.h
#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/command/lister.h"
#include "imapd/command/shared.h"
#include "imapd/response/metadata.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using Depth = GetMetadataRequest::Depth;
using Name = std::optional<store::MailboxName>;

// What follows from the settings, and is not to be set: a mailbox's use, the admin's address.
constexpr std::string_view special_use_entry = "/private/specialuse";
constexpr std::string_view admin_entry = "/shared/admin";

bool is_read_only(const Name& name, std::string_view entry) {
  return entry == (name ? special_use_entry : admin_entry);
}

// Nothing for "", which stands for the account. Error Cannot where annotations are turned off.
Result<Name> target_of(const SessionContext& context, const std::string& wire) {
  if (!context.settings().imap_metadata) {
    return Error(550, ResponseCode::Cannot, "Annotations are turned off (imap_metadata)");
  }
  if (wire.empty()) return Name();
  TRY(auto name, context.mailbox_name(wire));
  return Name(std::move(name));
}

Result<store::Annotations> read_annotations(SessionContext& context, const Name& name) {
  TRY(auto file, context.store().annotations(name));
  TRY(auto annotations, file.read());
  if (name) {
    auto use = special_use(context.settings().imap_special_use, *name);
    if (!use.empty()) annotations[std::string(special_use_entry)] = use;
  }
  return annotations;
}

bool is_within(std::string_view entry, std::string_view above, Depth depth) {
  if (entry == above) return true;
  if (depth == Depth::Zero || entry.size() <= above.size() || !entry.starts_with(above) ||
      entry[above.size()] != '/') {
    return false;
  }
  return depth == Depth::Infinity || entry.find('/', above.size() + 1) == std::string_view::npos;
}

struct Found {
  EntryValues values;
  // The size of the greatest value left out.
  std::uint64_t longest = 0;
};

// An entry that is asked for by its own name and does not exist is NIL, as Dovecot has it.
Found find_entries(const store::Annotations& annotations, const GetMetadataRequest& request) {
  Found found;
  auto add = [&](const std::string& entry, const std::string& value) {
    if (request.bytes_max && value.size() > *request.bytes_max) {
      found.longest = std::max<std::uint64_t>(found.longest, value.size());
    } else {
      found.values.emplace_back(entry, value);
    }
  };
  if (request.depth == Depth::Zero) {
    for (const auto& wanted : request.entries) {
      auto at = annotations.find(wanted);
      if (at == annotations.end()) {
        found.values.emplace_back(wanted, std::nullopt);
      } else {
        add(wanted, at->second);
      }
    }
    return found;
  }
  for (const auto& [entry, value] : annotations) {
    bool is_asked =
        std::ranges::any_of(request.entries, [&, &name = entry](const std::string& wanted) {
          return is_within(name, wanted, request.depth);
        });
    if (is_asked) add(entry, value);
  }
  return found;
}

Reply metadata_refusal(const std::string& code, std::string_view text) {
  return Reply::no("METADATA " + code, text);
}

}  // namespace

Task<Reply> get_metadata(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_get_metadata(command.arguments, context.limits()));
  CO_TRY(auto name, target_of(context, request.mailbox));
  Found found;
  auto read = [&]() -> Result<void> {
    TRY(auto annotations, read_annotations(context, name));
    found = find_entries(annotations, request);
    return {};
  };
  CO_TRY_DO(co_await context.light_lane().offload([&] { return read(); }));
  if (!found.values.empty()) {
    auto line = metadata_line(name ? name->text() : "", found.values, context.name_form());
    auto sending = context.send(line);
    co_await std::move(sending);
  }
  if (found.longest == 0) co_return Reply::ok("Getmetadata completed.");
  co_return Reply::ok("[METADATA LONGENTRIES " + std::to_string(found.longest) +
                      "] Getmetadata completed.");
}

Task<Reply> set_metadata(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_set_metadata(command.arguments, context.limits()));
  CO_TRY(auto name, target_of(context, request.mailbox));
  const auto& settings = context.settings();
  for (const auto& [entry, value] : request.values) {
    if (is_read_only(name, entry)) {
      co_return Reply::no(ResponseCode::NoPerm, entry + " can't be set");
    }
    if (value && value->size() > settings.imap_metadata_value_max) {
      co_return metadata_refusal("MAXSIZE " + std::to_string(settings.imap_metadata_value_max),
                                 "The value of " + entry + " is too large");
    }
  }
  auto change = [&]() -> Result<std::vector<std::string>> {
    TRY(auto file, context.store().annotations(name));
    return file.change(request.values, settings.imap_metadata_entries_max);
  };
  auto changing = context.retry_while_locked([&] { return change(); });
  auto changed = co_await std::move(changing);
  if (changed) {
    context.note_annotated(name, request.values);
    co_return Reply::ok("Setmetadata completed.");
  }
  if (changed.error().response_code() == ResponseCode::Limit) {
    co_return metadata_refusal("TOOMANY", changed.error().client_text());
  }
  co_return changed.error();
}

Task<std::string> report_metadata(SessionContext& context, const store::MailboxName& name,
                                  const std::vector<std::string>& entries) {
  if (!context.settings().imap_metadata) co_return "";
  GetMetadataRequest request;
  request.entries = entries;
  Name target(name);
  auto read = [&]() -> Result<std::string> {
    TRY(auto annotations, read_annotations(context, target));
    return metadata_line(name.text(), find_entries(annotations, request).values,
                         context.name_form());
  };
  auto line = co_await context.light_lane().offload([&] { return read(); });
  // RFC 9590 section 3: without its annotations the mailbox is listed all the same.
  co_return line ? *std::move(line) : std::string();
}

}  // namespace pennypost::imap
