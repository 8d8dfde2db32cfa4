package timeframe_test

import (
	"fmt"
	"time"

	"github.com/guerdonhq/guerdon/timeframe"
)

func ExampleDay_Start() {
	var zones timeframe.Zones
	cairo, err := zones.Load("Africa/Cairo")
	if err != nil {
		fmt.Println(err)
		return
	}
	d := timeframe.Date(2026, time.April, 24) // the clock goes from 23:59 to 01:00
	fmt.Println(d.Start(cairo))
	fmt.Println(d.Add(1).Start(cairo).Sub(d.Start(cairo)))
	// Output:
	// 2026-04-24 01:00:00 +0300 EEST
	// 23h0m0s
}

func ExampleSchedule_PeriodAt() {
	var zones timeframe.Zones
	weekly := timeframe.Timeframe{
		Type:         timeframe.Recurring,
		TimezoneType: timeframe.User,
		StartsAt:     time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Recurrence:   timeframe.Weekly,
	}
	sunday := time.Date(2025, 9, 7, 20, 0, 0, 0, time.UTC)
	for _, name := range []string{"America/New_York", "Asia/Tokyo"} {
		zone, err := zones.Load(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		schedule, err := weekly.In(zone, &zones)
		if err != nil {
			fmt.Println(err)
			return
		}
		p, _ := schedule.PeriodAt(sunday)
		fmt.Println(name, p.ID, "until", p.EndsAt.Format(time.RFC3339))
	}
	// Output:
	// America/New_York 2025-W36 until 2025-09-08T04:00:00Z
	// Asia/Tokyo 2025-W37 until 2025-09-14T15:00:00Z
}

func ExampleSchedule_Fires() {
	pushes := timeframe.Timeframe{
		Type:         timeframe.Permanent,
		TimezoneType: timeframe.Fixed,
		Timezone:     "Europe/Rome",
		StartsAt:     time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Cron:         "30 8 * * MON-FRI",
	}
	schedule, err := pushes.In(nil, new(timeframe.Zones))
	if err != nil {
		fmt.Println(err)
		return
	}
	friday := time.Date(2025, 3, 28, 0, 0, 0, 0, time.UTC)
	for at := range schedule.Fires(friday, friday.AddDate(0, 0, 4)) {
		fmt.Println(at)
	}
	// Output:
	// 2025-03-28 07:30:00 +0000 UTC
	// 2025-03-31 06:30:00 +0000 UTC
}

func ExampleBoard_Open() {
	daily := timeframe.Timeframe{
		Type:         timeframe.Recurring,
		TimezoneType: timeframe.User,
		StartsAt:     time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Recurrence:   timeframe.Daily,
	}
	board, err := daily.Board(new(timeframe.Zones))
	if err != nil {
		fmt.Println(err)
		return
	}
	for p := range board.Open(time.Date(2025, 9, 2, 9, 0, 0, 0, time.UTC)) {
		fmt.Println(p.StartsAt.Format("02 Jan 15:04"), "to", p.EndsAt.Format("02 Jan 15:04"))
	}
	// Output:
	// 31 Aug 10:00 to 02 Sep 12:00
	// 01 Sep 10:00 to 03 Sep 12:00
}

func ExampleTimeframe_Validate() {
	fmt.Println(timeframe.Timeframe{
		Type:         timeframe.Recurring,
		TimezoneType: timeframe.Fixed,
		Timezone:     "Europe/Atlantis",
		StartsAt:     time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Recurrence:   timeframe.Custom,
		Cron:         "0 0 30 2 *",
	}.Validate())
	// Output:
	// timeframeTimezone: "Europe/Atlantis" is not a time zone; it must be an IANA name such as "Europe/Berlin"
	// scheduleCron: never fires: its months have no such day
}

func ExampleCalendar() {
	d := timeframe.Date(2025, time.December, 29)
	for _, calendar := range []timeframe.Calendar{timeframe.ByDay, timeframe.ByWeek, timeframe.ByMonth, timeframe.ByYear} {
		fmt.Println(calendar.ID(d), "is", calendar.First(d), "to", calendar.Next(d)-1)
	}
	// Output:
	// 2025-12-29 is 2025-12-29 to 2025-12-29
	// 2026-W01 is 2025-12-29 to 2026-01-04
	// 2025-12 is 2025-12-01 to 2025-12-31
	// 2025 is 2025-01-01 to 2025-12-31
}
