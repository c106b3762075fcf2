#include "imapd/command/notifier.h"

#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/metadata.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using store::MailboxName;
using store::Status;

// How soon a mailbox that another program has locked is looked at again.
constexpr Duration look_again{250};

struct Look {
  std::vector<std::string> paths;
  Status status;
};

Result<Look> look_at(store::MailStore& store, const MailboxName& name) {
  TRY(auto mailbox, store.open(name, store::Access::ReadOnly));
  Look look;
  look.paths = mailbox->watch_paths();
  TRY(look.status, store::count_status(*mailbox, false));
  return look;
}

bool has_other_messages(const Status& a, const Status& b) {
  return a.messages != b.messages || a.uid_next != b.uid_next || a.uid_validity != b.uid_validity;
}

bool has_other_flags(const Status& a, const Status& b) {
  return a.unseen != b.unseen || a.highest_modseq != b.highest_modseq;
}

// Whether all that is new are `own` messages, which the client has put there.
bool is_own_work(const Status& before, const Status& now, std::uint32_t own) {
  return own > 0 && now.messages == before.messages + own &&
         now.uid_next.value() == before.uid_next.value() + own &&
         now.uid_validity == before.uid_validity;
}

Error overflow() { return Error(550, ResponseCode::Limit, "Too many mailboxes to be watched"); }

}  // namespace

Notifier::Notifier(SessionContext& context, NotifyRequest request)
    : context_(context),
      with_status_(request.with_status),
      wake_(context.loop()),
      annotations_(context, wake_),
      work_(context.loop()) {
  for (auto& group : request.groups) {
    if (group.filter.is_selected()) {
      if (group.message_new) selected_ = std::move(group);
    } else {
      MailboxChoice choice(context, group.filter);
      groups_.push_back({std::move(group), std::move(choice)});
    }
  }
  context_.account().board.add(*this);
}

Notifier::~Notifier() { context_.account().board.remove(*this); }

// --- what is watched -------------------------------------------------------------------

Task<Result<std::string>> Notifier::prepare() {
  std::string lines;
  if (!groups_.empty()) {
    CO_TRY(auto paths,
           co_await context_.light_lane().offload([&] { return context_.store().watch_paths(); }));
    list_watch_ = std::make_unique<ChangeHub::Subscription>(context_.worker().changes, paths, wake_,
                                                            list_has_changed_);
    auto reading = read_states(states_);
    CO_TRY_DO(co_await std::move(reading));
  }
  auto watching = watch_mailboxes();
  CO_TRY_DO(co_await std::move(watching));
  std::set<MailboxName> refused;
  for (const auto& name : annotations_.refused()) refused.insert(name);
  for (const auto& [name, watched] : watched_) {
    if (watched.is_refused) refused.insert(name);
  }
  // RFC 5465 section 3.1.
  for (const auto& name : refused) {
    lines += list_line("LIST", {"\\NoAccess"}, context_.store().separator(), name.text(), {},
                       context_.name_form());
  }
  for (const auto& [name, watched] : watched_) {
    if (with_status_ && watched.known && !is_selected(name)) {
      lines += line(name, *watched.known, watched.wants_flags);
    }
  }
  co_return lines;
}

void Notifier::start() {
  mailbox_changed();
  work_.start(run());
}

Task<Result<void>> Notifier::read_states(FolderStates& states) {
  auto read = [&]() -> Result<void> {
    TRY(auto folders, context_.store().list());
    TRY(auto subscribed, context_.store().subscriptions());
    states = folder_states(folders, subscribed);
    return {};
  };
  co_return co_await context_.light_lane().offload([&] { return read(); });
}

template <class Wants>
std::set<MailboxName> Notifier::wanted_mailboxes(bool FolderState::*has, Wants wants) const {
  std::set<MailboxName> names;
  for (const auto& [name, state] : states_) {
    if (state.*has && is_wanted(name, wants)) names.insert(name);
  }
  return names;
}

// Watches the mailboxes that are asked for, and no others. What can't be selected may have
// annotations all the same.
Task<Result<void>> Notifier::watch_mailboxes() {
  auto wants_messages = [](const NotifyGroup& group) { return group.message_new; };
  auto wants_metadata = [](const NotifyGroup& group) { return group.mailbox_metadata_change; };
  auto names = wanted_mailboxes(&FolderState::is_selectable, wants_messages);
  auto all = wanted_mailboxes(&FolderState::exists, wants_metadata);
  std::set<AnnotationWatch::Name> annotated(all.begin(), all.end());
  all.insert(names.begin(), names.end());
  if (all.size() > context_.settings().imap_notify_mailboxes_max) co_return overflow();
  bool wants_server = std::ranges::any_of(
      groups_, [](const Group& group) { return group.events.server_metadata_change; });
  if (wants_server) annotated.insert(std::nullopt);
  auto watching_annotations = annotations_.watch(annotated);
  co_await std::move(watching_annotations);
  std::erase_if(watched_, [&](const auto& item) { return !names.contains(item.first); });
  for (const auto& name : names) {
    auto& watched = watched_[name];
    watched.wants_flags =
        is_wanted(name, [](const NotifyGroup& group) { return group.flag_change; });
    if (watched.subscription) continue;
    auto watching = watch_one(name, watched);
    co_await std::move(watching);
    co_await context_.look_for_client();
  }
  co_return Result<void>();
}

// The next look finds what came before the watch was set.
Task<> Notifier::watch_one(const MailboxName& name, Watched& watched) {
  auto look =
      co_await context_.light_lane().offload([&] { return look_at(context_.store(), name); });
  watched.is_locked = look ? look->status.is_waiting : store::is_in_use(look.error());
  watched.is_refused = !look && look.error().response_code() == ResponseCode::NoPerm;
  // Another session was faster to remove it, or it is locked: there is nothing to watch yet.
  if (!look) co_return;
  watched.known = look->status;
  watched.has_changed = true;
  watched.subscription = std::make_unique<ChangeHub::Subscription>(
      context_.worker().changes, look->paths, wake_, watched.has_changed);
}

void Notifier::watch_selected() {
  selected_watch_.reset();
  if (!selected_ || context_.selected() == nullptr) return;
  context_.selected()->record_told(true);
  auto paths = context_.selected()->mailbox().watch_paths();
  selected_has_changed_ = true;
  selected_watch_ = std::make_unique<ChangeHub::Subscription>(context_.worker().changes, paths,
                                                              wake_, selected_has_changed_);
}

void Notifier::mailbox_changed() {
  is_reselected_ = true;
  // The watch looks at a mailbox that is closed now.
  selected_watch_.reset();
  own_messages_.clear();
  wake_.notify_all();
}

// RFC 5465 section 5: what the client has caused itself is no news to it.
void Notifier::note_own(const MailboxName& name, std::span<const store::Uid> uids) {
  if (is_selected(name)) {
    if (selected_) own_messages_.insert(uids.begin(), uids.end());
  } else if (auto at = watched_.find(name); at != watched_.end()) {
    at->second.own += static_cast<std::uint32_t>(uids.size());
  }
}

void Notifier::note_annotated(const std::optional<MailboxName>& name,
                              const store::AnnotationChanges& changes) {
  annotations_.note_own(name, changes);
}

bool Notifier::is_selected(const MailboxName& name) const {
  return context_.selected() != nullptr && context_.selected()->mailbox().name() == name;
}

bool Notifier::is_subscribed(const MailboxName& name) const {
  auto at = states_.find(name);
  return at != states_.end() && at->second.is_subscribed;
}

template <class Wants>
bool Notifier::is_wanted(const MailboxName& name, Wants wants) const {
  bool subscribed = is_subscribed(name);
  return std::ranges::any_of(groups_, [&](const Group& group) {
    return wants(group.events) && group.choice.has(name, subscribed);
  });
}

// --- what is told ----------------------------------------------------------------------

void Notifier::hear(const AccountNews& news) {
  if (groups_.empty()) return;
  if (news.by == &context_) {
    auto separator = context_.store().separator();
    for (const auto& name : {news.name, news.old_name}) {
      own_names_.insert(name);
      own_names_.insert(name.substr(0, name.rfind(separator)));
    }
  }
  if (!news.old_name.empty()) {
    has_overflown_ = has_overflown_ || renames_.size() >= news_max;
    if (!has_overflown_) renames_.push_back({news});
  } else {
    list_has_changed_ = true;
    for (auto& rename : renames_) {
      if (rename.news.name == news.name) rename.is_over = true;
    }
  }
  wake_.notify_all();
}

bool Notifier::has_work() const {
  auto is_changed = [](const auto& item) { return item.second.has_changed; };
  return has_overflown_ || (list_has_changed_ && !groups_.empty()) || annotations_.has_changed() ||
         is_reselected_ || selected_has_changed_ || std::ranges::any_of(watched_, is_changed);
}

Task<> Notifier::changed() {
  while (!has_work()) co_await wake_.wait();
}

bool Notifier::is_behind() const {
  auto is_locked = [](const auto& item) { return item.second.is_locked; };
  return list_is_locked_ || std::ranges::any_of(watched_, is_locked) ||
         (selected_ && context_.selected() != nullptr && context_.is_behind());
}

void Notifier::look_again_at_locked() {
  if (selected_ && context_.selected() != nullptr && context_.is_behind()) {
    selected_has_changed_ = true;
  }
  if (std::exchange(list_is_locked_, false)) list_has_changed_ = true;
  for (auto& [name, watched] : watched_) {
    if (std::exchange(watched.is_locked, false)) watched.has_changed = true;
  }
}

Task<> Notifier::run() {
  try {
    while (!context_.is_ended()) {
      auto waiting = changed();
      if (is_behind()) {
        [[maybe_unused]] bool has_come =
            co_await within(context_.loop(), look_again, std::move(waiting));
        look_again_at_locked();
      } else {
        co_await std::move(waiting);
      }
      co_await context_.take_turn();
      if (!context_.is_ended()) {
        auto telling = tell_all();
        co_await std::move(telling);
        co_await context_.connection().flush();
      }
      context_.give_turn();
    }
    // After BYE nobody waits for a command.
    context_.connection().stream().abort();
  } catch (const Disconnected&) {
    // The task that reads finds out as well.
    context_.give_turn();
  }
}

Task<> Notifier::tell_all() {
  if (has_overflown_) give_up();
  if (list_has_changed_ && !groups_.empty()) {
    list_has_changed_ = false;
    for (auto& rename : renames_) rename.may_go = rename.is_over;
    FolderStates now;
    auto reading = read_states(now);
    auto read = co_await std::move(reading);
    if (read) {
      tell_renames(now);
      tell_changes(now);
      states_ = std::move(now);
      own_names_.clear();
      auto watching = watch_mailboxes();
      auto watched = co_await std::move(watching);
      if (!watched) give_up();
    } else {
      list_is_locked_ = store::is_in_use(read.error());
    }
  }
  auto telling_metadata = tell_metadata();
  co_await std::move(telling_metadata);
  // What was selected is looked at again, so that the next change of it is told.
  for (auto& [name, watched] : watched_) {
    if (is_reselected_ && !watched.known) watched.has_changed = true;
  }
  auto telling = tell_mailboxes();
  co_await std::move(telling);
  if (std::exchange(is_reselected_, false)) watch_selected();
  if (std::exchange(selected_has_changed_, false)) {
    bool is_delayed = selected_ && selected_->filter.kind == MailboxFilter::Kind::SelectedDelayed;
    auto telling_selected = tell_selected(!is_delayed);
    co_await std::move(telling_selected);
  }
}

// RFC 5465 section 5.4: below a mailbox that is renamed nothing is told. Those renames are left for
// later that do not show on disk yet.
void Notifier::tell_renames(const FolderStates& now) {
  auto separator = context_.store().separator();
  auto wants = [](const NotifyGroup& group) { return group.mailbox_name; };
  for (auto& rename : renames_) {
    const auto& news = rename.news;
    auto from = context_.store().parse_name(news.old_name);
    auto to = context_.store().parse_name(news.name);
    if (!from || !to || from->is_inbox()) continue;
    auto exists = [&, name = *to](const FolderStates& states) {
      auto at = states.find(name);
      return at != states.end() && at->second.exists;
    };
    if (!exists(now) || exists(states_)) continue;
    rename.may_go = true;
    rename_states(states_, *from, *to, separator);
    annotations_.rename(*from, *to, separator);
    if (news.by != &context_ && (is_wanted(*from, wants) || is_wanted(*to, wants))) {
      context_.put(folder_line(now, *to, separator, from->text(), context_.name_form()));
    }
  }
  std::erase_if(renames_, [](const Rename& rename) { return rename.may_go; });
}

void Notifier::tell_changes(const FolderStates& now) {
  auto separator = context_.store().separator();
  for (const auto& change : folder_changes(states_, now, separator)) {
    if (own_names_.contains(change.name.text())) continue;
    auto at = now.find(change.name);
    bool subscribed = is_subscribed(change.name) || (at != now.end() && at->second.is_subscribed);
    bool is_told = std::ranges::any_of(groups_, [&](const Group& group) {
      bool wants = (group.events.mailbox_name && change.is_name) ||
                   (group.events.subscription_change && change.is_subscription);
      return wants && group.choice.has(change.name, subscribed);
    });
    if (is_told) context_.put(folder_line(now, change.name, separator, {}, context_.name_form()));
  }
}

Task<> Notifier::tell_metadata() {
  auto looking = annotations_.look();
  auto news = co_await std::move(looking);
  for (const auto& item : news) {
    context_.put(changed_metadata_line(item.name ? item.name->text() : "", item.entries,
                                       context_.name_form()));
    co_await context_.send_if_much();
  }
}

Task<> Notifier::tell_mailboxes() {
  for (auto& [name, watched] : watched_) {
    if (!std::exchange(watched.has_changed, false)) continue;
    auto telling = tell_mailbox(name, watched);
    co_await std::move(telling);
    co_await context_.send_if_much();
  }
}

Task<> Notifier::tell_mailbox(const MailboxName& name, Watched& watched) {
  // Of the selected mailbox the client knows more than a STATUS tells.
  if (is_selected(name)) {
    watched.known.reset();
    co_return;
  }
  if (!watched.subscription) {
    auto watching = watch_one(name, watched);
    co_await std::move(watching);
    // What was there before it could be watched, the client does not know.
    if (watched.known) context_.put(line(name, *watched.known, false));
    co_return;
  }
  auto found =
      co_await context_.light_lane().offload([&] { return context_.store().status(name); });
  watched.is_locked = found ? found->is_waiting : store::is_in_use(found.error());
  // What has gone, the list of names shows.
  if (!found) co_return;
  auto own = std::exchange(watched.own, 0);
  auto known = std::exchange(watched.known, *found);
  if (!known || is_own_work(*known, *found, own)) co_return;
  if (has_other_messages(*known, *found) ||
      (watched.wants_flags && has_other_flags(*known, *found))) {
    context_.put(line(name, *found, false));
  }
}

// RFC 5465 section 3.1: at first HIGHESTMODSEQ is told wherever changed flags will be.
std::string Notifier::line(const MailboxName& name, const Status& status, bool with_modseq) const {
  std::vector<StatusItem> items{StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity,
                                StatusItem::Unseen};
  if (with_modseq || context_.reporting().modseqs) items.push_back(StatusItem::HighestModSeq);
  return status_line(name.text(), items, status, context_.limits().message_bytes_max,
                     context_.name_form());
}

Task<> Notifier::tell_selected(bool with_expunges) {
  if (!selected_ || context_.selected() == nullptr) co_return;
  co_await context_.tell_news(with_expunges, true);
}

SelectedWishes Notifier::wishes() const {
  return {.messages = selected_.has_value(), .flags = selected_ && selected_->flag_change};
}

// RFC 5465 section 5.2: what the client wants to know of each new message.
Task<> Notifier::follow(SessionContext& context, const ToldMessages& told) {
  if (!selected_ || selected_->new_items.empty()) co_return;
  RangeBuilder numbers;
  for (auto uid : told.added) {
    // RFC 5465 section 5.2: of a message that the client has made here it is told no more.
    if (own_messages_.erase(uid) > 0) continue;
    if (auto number = context.selected()->number_of(uid)) numbers.add(*number);
  }
  if (numbers.ranges().empty()) co_return;
  FetchRequest request;
  request.items = selected_->new_items;
  // RFC 9051 section 7.5.2: with the UID, as all FETCH responses that answer no command.
  auto telling = fetch_numbers(context, numbers.ranges(), request, true);
  auto fetched = co_await std::move(telling);
  context.log_failure(fetched);
}

// RFC 5465 section 5.8.
void Notifier::give_up() {
  context_.put("* OK [NOTIFICATIONOVERFLOW] Nothing is told any more\r\n");
  has_overflown_ = false;
  groups_.clear();
  selected_.reset();
  watched_.clear();
  renames_.clear();
  annotations_.clear();
  list_watch_.reset();
  selected_watch_.reset();
  selected_has_changed_ = list_has_changed_ = false;
}

}  // namespace pennypost::imap
