#include "imapd/admin/account_copy.h"

#include <algorithm>
#include <iostream>

#include "common/base/text.h"
#include "imapd/grammar/cursor.h"
#include "imapd/response/untagged.h"
#include "store/mailbox/keyword.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t portion_messages = 64;
constexpr std::uint64_t portion_octets = 16 << 20;

using Sizes = std::vector<ImapClient::SizedMessage>;

/// Takes the next messages to be fetched together off `rest`; at least one.
Sizes next_portion(std::span<const ImapClient::SizedMessage>& rest) {
  Sizes portion;
  std::uint64_t octets = 0;
  while (!rest.empty() && portion.size() < portion_messages) {
    octets += rest.front().octets;
    if (!portion.empty() && octets > portion_octets) break;
    portion.push_back(rest.front());
    rest = rest.subspan(1);
  }
  return portion;
}

}  // namespace

Result<void> AccountCopy::copy(const PlannedFolder& folder) {
  TRY(auto state, begin(folder));
  TRY(auto sizes, client_.messages_after(state.mark.last));
  if (!sizes.empty()) {
    TRY(auto mailbox, on_.store.open(state.target, store::Access::ReadOnly));
    for (const auto& keyword : mailbox->keywords()) {
      if (!keyword.empty()) state.keywords.insert(keyword);
    }
    TRY(state.known, KnownMessages::read(*mailbox, state.mark.target));
  }
  AdminProgress progress(on_.account.name + ": " + state.target.text(), sizes.size());
  std::span<const ImapClient::SizedMessage> rest = sizes;
  while (!rest.empty()) {
    auto portion = next_portion(rest);
    TRY_DO(copy_portion(state, portion));
    progress.add(portion.size());
  }
  show(state);
  return {};
}

Result<AccountCopy::State> AccountCopy::begin(const PlannedFolder& folder) {
  auto target = on_.store.parse_own_name(folder.target);
  if (!target) {
    return Error(target.error().code(),
                 "\"" + printable(folder.target, 200) + "\": " + target.error().text());
  }
  TRY_DO(make_target(*target, folder.is_subscribed));
  TRY(auto opened, client_.open(folder.source));
  CopyNote note(on_.store, *target, origin_ + '\0' + folder.source);
  TRY(auto mark, note.read(opened.uid_validity));
  return State{folder, *target, std::move(note), mark, {}, {}, {}, {}};
}

Result<void> AccountCopy::make_target(const store::MailboxName& name, bool is_subscribed) {
  auto made = name.is_inbox() ? Result<void>() : on_.store.create(name);
  if (!made && made.error().response_code() != ResponseCode::AlreadyExists) return made;
  // INBOX is made when it is opened.
  if (name.is_inbox()) {
    TRY_DO(on_.store.open(name, store::Access::ReadOnly));
  }
  return is_subscribed ? on_.store.subscribe(name) : Result<void>();
}

Result<void> AccountCopy::copy_portion(State& state, const Sizes& portion) {
  TRY_DO(spool_.clear(!state.known.empty()));
  std::vector<std::uint32_t> uids;
  for (const auto& message : portion) {
    if (message.octets <= copied_octets_max) {
      uids.push_back(message.uid);
    } else {
      leave_out(state, message.uid, "it is larger than 1 GiB");
    }
  }
  std::vector<store::NewMessage> fresh;
  TRY_DO(fetch(state, uids, fresh));
  if (!fresh.empty()) {
    TRY(auto stored, on_.store.append(state.target, fresh));
    state.mark.target = std::ranges::max(stored.uids).value() + 1;
    state.counts.copied += fresh.size();
  }
  state.mark.last = portion.back().uid;
  return state.note.write(state.mark);
}

// A server that can't read one message refuses the command: what has not come by then is asked for
// one by one.
Result<void> AccountCopy::fetch(State& state, const std::vector<std::uint32_t>& uids,
                                std::vector<store::NewMessage>& fresh) {
  std::set<std::uint32_t> come;
  auto use = [&](FetchedMessage message) {
    come.insert(message.uid);
    return take(state, std::move(message), fresh);
  };
  auto fetched = uids.empty() ? Result<void>() : client_.fetch(uids, spool_, use);
  if (fetched || fetched.error().is_temporary()) return fetched;
  for (auto uid : uids) {
    if (come.contains(uid)) continue;
    auto alone = client_.fetch({uid}, spool_, use);
    if (alone) continue;
    if (alone.error().is_temporary()) return alone;
    leave_out(state, uid, alone.error().text());
  }
  return {};
}

Result<void> AccountCopy::take(State& state, FetchedMessage message,
                               std::vector<store::NewMessage>& fresh) {
  auto digest = spool_.digest();
  auto range = spool_.range();
  if (range.length == 0) {
    leave_out(state, message.uid, "it is empty");
    return {};
  }
  if (!digest.empty() && state.known.take(digest)) {
    ++state.counts.present;
    return {};
  }
  auto& made = fresh.emplace_back();
  made.body = {range};
  made.internal_date = message.date;
  if (message.flags) take_flags(state, *message.flags, made);
  return {};
}

void AccountCopy::take_flags(State& state, const std::vector<std::string>& names,
                             store::NewMessage& fresh) {
  for (const auto& name : names) {
    if (name.starts_with('\\')) {
      if (auto flag = system_flag(canonical_flag(name))) fresh.flags = fresh.flags | *flag;
      continue;
    }
    bool has_room =
        state.keywords.contains(name) || state.keywords.size() < store::keywords_per_mailbox_max;
    if (!store::is_keyword(name) || !has_room) {
      if (!state.lacking.insert(name).second) continue;
      std::cerr << state.target.text() << ": the keyword " << printable(name, 100)
                << (has_room ? " can't be one here" : " has no room beside the others") << "\n";
      continue;
    }
    state.keywords.insert(name);
    fresh.keywords.push_back(name);
  }
}

void AccountCopy::leave_out(State& state, std::uint32_t uid, std::string_view why) {
  ++state.counts.left_out;
  ++left_out_;
  std::cerr << state.target.text() << ": the message with UID " << uid
            << " there is left out: " << why << "\n";
}

void AccountCopy::show(const State& state) const {
  auto row = on_.row_begin();
  row.emplace_back("mailbox", state.target.text());
  row.emplace_back("copied", state.counts.copied);
  row.emplace_back("present", state.counts.present);
  row.emplace_back("left-out", state.counts.left_out);
  on_.out.row(AdminOutput::Form::Flow, row);
  std::cout.flush();
}

}  // namespace pennypost::imap
