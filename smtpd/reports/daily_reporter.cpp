#include "smtpd/reports/daily_reporter.h"

#include <utility>

#include "common/base/day.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

/// Stands for all addresses of a report, which one message goes to.
constexpr const char* by_mail = "mailto:";

std::string name_of(const DailyLines::Collection& collection) {
  return collection.day + "/" + collection.domain;
}

}  // namespace

Task<> DailyReporter::run() {
  for (;;) {
    auto sending = send_due();
    co_await std::move(sending);
    co_await loop_.sleep(round);
  }
}

Task<> DailyReporter::send_due() {
  const auto now = clock_.now_seconds();
  auto due = co_await loop_.offload([&] { return lines().closed(now); });
  if (!due) log_warning(component_, due.error().text());
  if (!due) co_return;
  for (auto& collection : *due) {
    const std::string name = collection.domain + " of " + collection.day;
    bool is_due = is_wanted(*ask_.config()) && !is_too_old(collection);
    auto work = is_due ? send(std::move(collection)) : drop(std::move(collection));
    auto done = co_await std::move(work);
    if (!done) log_warning(component_, "report to " + name + ": " + done.error().text());
  }
}

bool DailyReporter::is_too_old(const Collection& collection) const {
  auto begin = begin_of_day(collection.day).value_or(0);
  return begin + (days_kept + 1) * seconds_of_day <= clock_.now_seconds();
}

bool DailyReporter::is_post_time_over(const Collection& collection) const {
  auto end = begin_of_day(collection.day).value_or(0) + seconds_of_day;
  return end + std::chrono::seconds(post_time_max).count() <= clock_.now_seconds();
}

bool DailyReporter::has_got(const Collection& collection, const std::string& target) const {
  auto found = got_.find(name_of(collection));
  return found != got_.end() && found->second.contains(target);
}

void DailyReporter::note_got(const Collection& collection, const std::string& target) {
  got_[name_of(collection)].insert(target);
}

Task<Result<void>> DailyReporter::send(Collection collection) {
  FindReportTargets find;
  find.domain = collection.domain;
  find.kind = kind();
  auto finding = ask_.find_targets(std::move(find));
  CO_TRY(auto to, co_await std::move(finding));
  Written written;
  if (!to.is_empty()) {
    const auto config = ask_.config();
    // Ids are made on this thread alone.
    auto id = make_queue_id(clock_);
    CO_TRY(written,
           co_await loop_.offload([&] { return write(std::move(id), collection, to, *config); }));
  }
  if (!written.is_empty && !written.message && !to.addresses.empty()) {
    log_info(component_, "report to " + collection.domain + " of " + collection.day +
                             ": it is larger than the domain wants; not sent");
  }
  if (written.message && !has_got(collection, by_mail)) {
    auto mailing = mail(collection, *std::move(written.message));
    CO_TRY_DO(co_await std::move(mailing));
  }
  if (!written.is_empty) {
    auto posting = post(collection, std::move(to.web), std::move(written));
    CO_TRY_DO(co_await std::move(posting));
  }
  auto dropping = drop(std::move(collection));
  co_return co_await std::move(dropping);
}

Task<Result<void>> DailyReporter::mail(Collection collection, NewMessage message) {
  log_message_id(message.envelope.id.value(), message.envelope.message_id);
  log_info(component_, message.envelope.id.value() + ": report to " + collection.domain + " of " +
                           collection.day);
  auto submitting = ask_.submit(std::move(message));
  CO_TRY_DO(co_await std::move(submitting));
  note_got(collection, by_mail);
  co_return Result<void>();
}

/// The Error of the last web server that did not accept it, while it is to be tried again.
Task<Result<void>> DailyReporter::post(Collection collection, std::vector<std::string> web,
                                       Written written) {
  Result<void> posted;
  for (const auto& uri : web) {
    if (has_got(collection, uri)) continue;
    PostReport ask;
    ask.uri = uri;
    ask.content_type = written.content_type;
    ask.content = written.content;
    auto posting = ask_.post(std::move(ask));
    auto done = co_await std::move(posting);
    const std::string name = "report to " + collection.domain + " of " + collection.day;
    if (done) {
      log_info(component_, name + ": posted to " + printable(uri));
      note_got(collection, uri);
    } else if (is_post_time_over(collection)) {
      log_warning(component_, name + ": " + done.error().text() + "; given up");
    } else {
      posted = done.error();
    }
  }
  co_return posted;
}

Task<Result<void>> DailyReporter::drop(Collection collection) {
  got_.erase(name_of(collection));
  co_return co_await loop_.offload([&] { return lines().drop(collection); });
}

Task<> DailyReporter::keep(std::function<Result<void>(std::int64_t now)> add) {
  const auto now = clock_.now_seconds();
  auto kept = co_await loop_.offload([&] { return add(now); });
  if (kept) co_return;
  auto day = day_of(now);
  if (day != warned_) log_warning(component_, kept.error().text());
  warned_ = std::move(day);
}

}  // namespace pennypost::smtp
