/** The demo's landing page: shows the click id that a redirect brought along. */
import { Controller, Get, Header, Query } from '@nestjs/common';

@Controller('landing')
export class LandingController {
  @Get()
  @Header('content-type', 'text/plain; charset=utf-8')
  @Header('x-content-type-options', 'nosniff')
  landed(@Query('click_id') clickId: string | string[] | undefined): string {
    return `This is the demo's landing page.\nclick_id: ${clickId ?? 'none'}\n`;
  }
}
