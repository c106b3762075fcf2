#include "common/metrics/figures.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/metrics/exposition.h"
#include "common/metrics/figures_file.h"
#include "common/metrics/reading.h"

using namespace pennypost;
using namespace pennypost::metrics;

namespace {

/// A daemon's figures in a directory, as the master has them; undone at the end.
class TestFigures {
 public:
  TestFigures() : before_(current()) { REQUIRE(file.make(directory_.path(), "smtpd")); }
  ~TestFigures() { current() = before_; }
  TestFigures(const TestFigures&) = delete;
  TestFigures& operator=(const TestFigures&) = delete;

  std::vector<DaemonFigures> seen() const {
    Descriptor opened(::open(figures_path(directory_.path(), "smtpd").c_str(), O_RDONLY));
    auto view = FiguresView::map(opened);
    REQUIRE(view);
    std::vector<DaemonFigures> daemons;
    daemons.push_back({"smtpd", *std::move(view)});
    return daemons;
  }
  std::string text() const { return exposition(seen()); }
  FiguresFile file;

 private:
  Scratch directory_;
  Current before_;
};

bool has(const std::string& text, const std::string& line) {
  return text.find(line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("what is counted in one process is seen in another, by the values of its labels") {
  TestFigures figures;
  count(Metric::deliveries, "smtp", "deferred");
  count(Metric::deliveries, "smtp", "deferred", 2);
  count(Metric::deliveries, "pigeon", "lost");
  auto text = figures.text();
  CHECK(has(text, "# TYPE pennypost_deliveries counter"));
  CHECK(has(text,
            R"(pennypost_deliveries_total{daemon="smtpd",transport="smtp",status="deferred"} 3)"));
  CHECK(has(text,
            R"(pennypost_deliveries_total{daemon="smtpd",transport="other",status="other"} 1)"));
  CHECK(text.ends_with("# EOF\n"));
  auto seen = figures.seen();
  CHECK(read_counter(seen[0].view.page(), Metric::deliveries, {}, "deferred") == 3);
  CHECK(read_counter(seen[0].view.page(), Metric::deliveries) == 4);
}

TEST_CASE("a histogram tells how many were not longer than each bound, and their sum") {
  TestFigures figures;
  observe(Metric::delivery_delay, "total", std::chrono::milliseconds(10));
  observe(Metric::delivery_delay, "total", std::chrono::milliseconds(11));
  observe(Metric::delivery_delay, "total", std::chrono::hours(200));
  auto text = figures.text();
  auto bucket = [](const std::string& bound) {
    return R"(pennypost_delivery_delay_seconds_bucket{daemon="smtpd",stage="total",le=")" + bound +
           "\"} ";
  };
  CHECK(has(text, "# UNIT pennypost_delivery_delay_seconds seconds"));
  CHECK(has(text, bucket("0.01") + "1"));
  CHECK(has(text, bucket("0.1") + "2"));
  CHECK(has(text, bucket("432000.0") + "2"));
  CHECK(has(text, bucket("+Inf") + "3"));
  CHECK(has(text, R"(pennypost_delivery_delay_seconds_count{daemon="smtpd",stage="total"} 3)"));
  CHECK(has(text,
            R"(pennypost_delivery_delay_seconds_sum{daemon="smtpd",stage="total"} 720000.021)"));
}

TEST_CASE("a gauge ends with what it counts, and with its process; a counter goes on") {
  TestFigures figures;
  auto place = figures.file.take();
  REQUIRE(place);
  figures.file.enter(place, "receive");
  const std::string sessions = R"(pennypost_sessions{daemon="smtpd"} )";
  {
    Present one(Metric::sessions, {});
    Present two(Metric::sessions, {});
    CHECK(has(figures.text(), sessions + "2"));
  }
  CHECK(has(figures.text(), sessions + "0"));
  set(Metric::queue_messages, "10m", 5);
  set_resident_memory(4096);
  count(Metric::connections);
  auto text = figures.text();
  CHECK(has(text, R"(pennypost_queue_messages{daemon="smtpd",age="10m"} 5)"));
  CHECK(has(text, R"(pennypost_processes{daemon="smtpd",process="receive"} 1)"));
  CHECK(text.find(R"(pennypost_process_resident_memory_bytes{daemon="smtpd",process="receive",)") !=
        std::string::npos);
  figures.file.give_back(*place);
  text = figures.text();
  CHECK(has(text, R"(pennypost_queue_messages{daemon="smtpd",age="10m"} 0)"));
  CHECK(text.find("process=\"receive\"") == std::string::npos);
  CHECK(has(text, R"(pennypost_connections_total{daemon="smtpd"} 1)"));
}

TEST_CASE("a process's name can't break the text, whatever it writes into its place") {
  TestFigures figures;
  auto place = figures.file.take();
  REQUIRE(place);
  figures.file.enter(place, "a\"} 1\nb\\");
  auto text = figures.text();
  CHECK(has(text, R"(pennypost_processes{daemon="smtpd",process="a\"} 1?b\\"} 1)"));
}

TEST_CASE("there are places for processes_max processes, and those that are given back") {
  TestFigures figures;
  for (std::size_t i = 0; i < processes_max; ++i) REQUIRE(figures.file.take());
  CHECK_FALSE(figures.file.take());
  figures.file.give_back(17);
  CHECK(figures.file.take() == 17);
}

TEST_CASE("the ends of certificates are told until they are forgotten") {
  TestFigures figures;
  figures.file.tell_certificate("submission", 1'800'000'000);
  const std::string line =
      R"(pennypost_certificate_not_after_timestamp_seconds{daemon="smtpd",service="submission"} )"
      "1800000000";
  CHECK(has(figures.text(), line));
  figures.file.forget_certificates();
  CHECK_FALSE(has(figures.text(), line));
}

TEST_CASE("the figures of another build are refused, not misread") {
  Scratch directory;
  std::ofstream(directory / "short") << "x";
  Descriptor small(::open((directory / "short").c_str(), O_RDONLY));
  CHECK_FALSE(FiguresView::map(small));
  std::ofstream(directory / "other") << std::string(sizeof(Page), 'x');
  Descriptor other(::open((directory / "other").c_str(), O_RDONLY));
  auto refused = FiguresView::map(other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "the figures are of another version; restart the daemon");
}

TEST_CASE("each figure has a sentence, and labels that OpenMetrics allows") {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(row.help.ends_with('.'));
    CHECK_FALSE(row.daemons.empty());
    CHECK(row.first_label.empty() == row.first_values.empty());
    CHECK(row.second_label.empty() == row.second_values.empty());
  }
}
