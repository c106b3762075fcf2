#include "smtpd/inbound/port_backend.h"

#include <algorithm>

#include "common/dns/connect_server.h"
#include "common/metrics/figures.h"

namespace pennypost::smtp {

Task<ClientName> PortBackend::client_name(IpAddress address) {
  if (resolver_ == nullptr) co_return ClientName(true);
  VerifiedName found = co_await resolver_->verified_name(address);
  // The hosts file gives a name without asking for PTR.
  std::string reverse = found.unverified.empty() ? found.name : found.unverified;
  if (found.status == DnsStatus::TryLater) co_return ClientName(true, std::move(reverse));
  co_return ClientName(found.status == DnsStatus::Found ? found.name : "unknown",
                       std::move(reverse));
}

Task<Result<CheckRecipient::Verdict>> PortBackend::check_recipient(CheckRecipient request) {
  auto asking = ask(std::move(request));
  co_return co_await std::move(asking);
}

Task<Result<CheckRecipient::Verdict>> PortBackend::check_restrictions(CheckRestrictions request) {
  auto asking = ask(std::move(request));
  co_return co_await std::move(asking);
}

/// Whether the same question would be answered so for a while: neither the verdict nor a note says
/// that something could not be looked up.
static bool is_lasting(const CheckRecipient::Verdict& verdict) {
  auto is_passing = [](const PolicyNote& note) {
    return note.action.empty() || note.code / 100 == 4;
  };
  return !verdict.is_for_once && verdict.code / 100 != 4 && verdict.deferral.code == 0 &&
         verdict.sleep_seconds == 0 && std::ranges::none_of(verdict.notes, is_passing);
}

/// Asks lookup, unless the same question was answered within verdict_lives.
template <class Request>
Task<Result<CheckRecipient::Verdict>> PortBackend::ask(Request request) {
  std::string key = std::to_string(Request::type) + ':' + wire::encode(request);
  auto kept = cache_.find(key);
  if (kept != cache_.end()) {
    if (kept->second.until > loop_.now()) {
      metrics::count(metrics::Metric::cache_lookups, "lookup", "hit");
      co_return kept->second.verdict;
    }
    by_age_.erase(kept->second.position);
    cache_.erase(kept);
  }
  metrics::count(metrics::Metric::cache_lookups, "lookup", "miss");
  auto asking = lookup_.call(std::move(request));
  CO_TRY(auto verdict, co_await std::move(asking));
  if (is_lasting(verdict)) keep(std::move(key), verdict);
  co_return std::move(verdict);
}

void PortBackend::keep(std::string key, const CheckRecipient::Verdict& verdict) {
  if (cache_entries_ == 0) return;
  auto [entry, is_new] = cache_.try_emplace(std::move(key));
  if (is_new) entry->second.position = by_age_.insert(by_age_.end(), &entry->first);
  entry->second.until = loop_.now() + verdict_lives;
  entry->second.verdict = verdict;
  while (cache_.size() > cache_entries_) forget_oldest();
}

void PortBackend::forget_oldest() {
  auto oldest = cache_.find(*by_age_.front());
  by_age_.pop_front();
  cache_.erase(oldest);
}

Task<Result<FindFooter::Footer>> PortBackend::footer(FindFooter request) {
  return lookup_.call(std::move(request));
}

Task<Result<Canonicalize::Rewritten>> PortBackend::canonicalize(Canonicalize request) {
  return lookup_.call(std::move(request));
}

Task<Result<CheckContent::Findings>> PortBackend::check_content(CheckContent request) {
  return lookup_.call(std::move(request));
}

Task<Result<CountClient::Counts>> PortBackend::count(CountClient event) {
  return lookup_.call(std::move(event));
}

Task<Result<CheckSubmitter::Answer>> PortBackend::check_submitter(CheckSubmitter request) {
  return lookup_.call(std::move(request));
}

/// A mailbox that had far more room a moment ago is not looked at again.
Task<Result<Fate>> PortBackend::room(AskRoom request) {
  auto kept = spare_.find(request.recipient);
  bool is_known = kept != spare_.end() && kept->second.until > loop_.now();
  if (is_known && request.bytes <= kept->second.bytes / spare_share) {
    Fate has_room;
    has_room.code = 250;
    co_return has_room;
  }
  std::string recipient = request.recipient;
  auto asking = queue_.call(std::move(request));
  CO_TRY(auto room, co_await std::move(asking));
  if (spare_.size() >= spare_entries_max) spare_.clear();
  Spare& spare = spare_[std::move(recipient)];
  spare.bytes = room.spare_bytes;
  spare.until = loop_.now() + spare_lives;
  co_return std::move(room.fate);
}

Task<Result<AskAllowance::Allowance>> PortBackend::allowance(AskAllowance request) {
  return queue_.call(std::move(request));
}

Task<Result<ScreenAccess::Verdict>> PortBackend::screen_access(ScreenAccess request) {
  return lookup_.call(std::move(request));
}

Task<Result<NameDnsbl::Name>> PortBackend::name_dnsbl(NameDnsbl request) {
  return lookup_.call(std::move(request));
}

Task<Result<PassedTests>> PortBackend::recall_client(RecallClient request) {
  return queue_.call(std::move(request));
}

void PortBackend::note_passed(const NotePassed& note) { queue_.post(note); }

Task<Result<Descriptor>> PortBackend::open_body(QueueId id) {
  OpenBody request;
  request.id = std::move(id);
  auto asking = queue_.call_raw(std::move(request));
  CO_TRY(auto reply, co_await std::move(asking));
  if (reply.descriptors.size() != 1)
    co_return Error::temporary("4.3.0", "the queue process sent no file");
  co_return std::move(reply.descriptors.front());
}

void PortBackend::drop_body(QueueId id) {
  DropBody request;
  request.id = std::move(id);
  queue_.post(request);
}

void PortBackend::notify(const PostNotice& notice) { queue_.post(notice); }

void PortBackend::note(const NoteEvaluation& evaluation) { queue_.post(evaluation); }

Task<Result<void>> PortBackend::flush(FlushSite request) {
  auto asking = queue_.call(std::move(request));
  CO_TRY_DO(co_await std::move(asking));
  co_return Result<void>();
}

Task<Result<FindMilters::Found>> PortBackend::find_milters(FindMilters request) {
  return lookup_.call(std::move(request));
}

Task<Result<DescribeDestination::Place>> PortBackend::describe(DescribeDestination request) {
  return lookup_.call(std::move(request));
}

Task<Result<std::unique_ptr<Stream>>> PortBackend::connect_milter(ConnectMilter request) {
  auto asking = lookup_.call_raw(std::move(request));
  CO_TRY(auto reply, co_await std::move(asking));
  if (reply.descriptors.size() != 1) {
    co_return Error::temporary("4.3.0", "the lookup process sent no connection");
  }
  std::unique_ptr<Stream> stream = Socket::adopted(loop_, std::move(reply.descriptors.front()));
  co_return std::move(stream);
}

Task<Result<std::unique_ptr<Stream>>> PortBackend::connect(ServerRef to, std::string service,
                                                           Duration timeout) {
  if (to.is_unix()) {
    auto asking = connect_to_socket(std::move(service));
    co_return co_await std::move(asking);
  }
  if (resolver_ == nullptr) co_return Error::temporary("4.4.3", "no name can be looked up");
  auto connecting = connect_server(loop_, *resolver_, std::move(to), "", timeout);
  CO_TRY(auto socket, co_await std::move(connecting));
  std::unique_ptr<Stream> stream = std::move(socket);
  co_return std::move(stream);
}

/// This process can open no socket in the file system, so the queue does.
Task<Result<std::unique_ptr<Stream>>> PortBackend::connect_to_socket(std::string service) {
  ConnectFilter request;
  request.service = std::move(service);
  auto asking = queue_.call_raw(std::move(request));
  CO_TRY(auto reply, co_await std::move(asking));
  if (reply.descriptors.size() != 1) {
    co_return Error::temporary("4.3.0", "the queue process sent no socket");
  }
  std::unique_ptr<Stream> stream = Socket::adopted(loop_, std::move(reply.descriptors.front()));
  co_return std::move(stream);
}

Task<Result<void>> PortBackend::submit(Submit message) {
  auto asking = queue_.call(std::move(message));
  CO_TRY_DO(co_await std::move(asking));
  co_return Result<void>();
}

Task<Result<Deliver::Fates>> PortBackend::deliver(Deliver message) {
  return queue_.call(std::move(message));
}

}  // namespace pennypost::smtp
